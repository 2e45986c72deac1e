"""Finds the part of the user's module that a form calls."""

from ..reply import Unloadable

# As in `inspect.CO_VARARGS`; importing that takes longer than a call.
_VARARGS = 4


def named(module, entry_point):
    """What `entryPoint` names: a name in the main file, with attributes after dots."""
    value = module
    for part in entry_point.split("."):
        if not hasattr(value, part):
            raise Unloadable(f"there is no `{entry_point}` in the function, which entryPoint names")
        value = getattr(value, part)
    return value


def find(module, entry_point, names, expected):
    """The object that `entryPoint` names, else the first of `names` that can be called."""
    if entry_point:
        value = named(module, entry_point)
        if not callable(value):
            raise Unloadable(f"`{entry_point}`, which entryPoint names, can't be called; {expected} was expected")
        return value
    for name in names:
        value = getattr(module, name, None)
        if callable(value):
            return value
    raise Unloadable(f"there is no {expected} in the function")


def arity(function):
    """How many arguments a call by position may have; None if there is no bound, or it can't be seen."""
    function = unwrapped(function)
    bound = hasattr(function, "__self__")
    if not hasattr(function, "__code__"):
        function, bound = unwrapped(getattr(type(function), "__call__", None)), True
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & _VARARGS:
        return None
    return code.co_argcount - bound


def unwrapped(function):
    """The function that decorators by `functools.wraps` stand around."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def source(module):
    """The text of the user's main file, "" if there is none."""
    try:
        with open(module.__file__, encoding="utf-8-sig") as file:
            return file.read()
    except (AttributeError, OSError, UnicodeDecodeError):
        return ""
