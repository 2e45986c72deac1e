"""What Spin's host has, but this platform doesn't."""


class Absent(RuntimeError):
    """A service of Spin's host was used."""


def absent(service):
    """A function that says so when it is called."""

    def missing(*arguments, **named):
        raise Absent(f"{service} is a service of Spin's host, which isn't there on this platform")

    return missing


class _Names(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(f"{cls.__module__}.{cls.__name__}.{name}")


class Value(metaclass=_Names):
    """A value for a host service: it can be made, and compared by its class."""

    def __init__(self, *values):
        self.value = values[0] if len(values) == 1 else values


def names(module):
    """A module's `__getattr__`: classes for capitalized names, else functions that say that they aren't there."""

    def get(name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name[:1].isupper():
            return type(name, (Value,), {"__module__": module})
        return absent(f"{module}.{name}")

    return get
