"""The first SDK's variables."""

from spin_sdk.variables import get as config_get  # noqa: F401
