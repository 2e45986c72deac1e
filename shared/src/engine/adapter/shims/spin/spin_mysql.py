"""`spin_mysql` of Spin's first SDK: a service of its host, which can be imported but not used."""

from spin_sdk._absent import names

__getattr__ = names(__name__)
