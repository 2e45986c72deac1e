"""Where componentize-py has its types from SDK 4 on."""

from spin_sdk.wit.types import Err, Ok, Result, Some  # noqa: F401
