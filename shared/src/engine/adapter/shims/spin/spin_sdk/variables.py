"""Spin's variables: the environment."""

import os

from .wit.types import Err


class Error_Undefined:
    """No such variable."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"Error_Undefined({self.value!r})"


class _Text(str):
    """From SDK 4 on the answer is awaited, before it isn't: both work."""

    def __await__(self):
        return str(self)
        yield


def get(key):
    # Spin's names are lower case; its own provider reads SPIN_VARIABLE_<NAME>.
    for name in (key, key.upper(), f"SPIN_VARIABLE_{key.upper()}"):
        if name in os.environ:
            return _Text(os.environ[name])
    raise Err(Error_Undefined(f"there is no environment variable `{key}`"))
