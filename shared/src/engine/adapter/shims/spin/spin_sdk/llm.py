"""`spin_sdk.llm`: a service of Spin's host, which can be imported but not used."""

from ._absent import names

__getattr__ = names(__name__)
