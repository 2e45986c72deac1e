"""Stands in for the package functions-framework, where it isn't installed."""

from . import _function_registry

# Read by the form, which makes the application.
faas_error_handlers = []


def http(function):
    _function_registry.REGISTRY_MAP[function.__name__] = "http"
    return function


def cloud_event(function):
    _function_registry.REGISTRY_MAP[function.__name__] = "cloudevent"
    return function


def typed(kind):
    """`@typed` with the type in the annotation, or `@typed(Type)`."""
    if isinstance(kind, type):
        return lambda function: _typed(function, kind)
    return _typed(kind, None)


def _typed(function, kind):
    if kind is None:
        name = function.__code__.co_varnames[0]
        kind = function.__annotations__[name]
    if not callable(getattr(kind, "from_dict", None)):
        raise AttributeError(f"the type {kind} does not have the method `from_dict` that @typed needs")
    _function_registry.REGISTRY_MAP[function.__name__] = "typed"
    _function_registry.INPUT_TYPE_MAP[function.__name__] = kind
    return function


def errorhandler(kind):
    def keep(handler):
        faas_error_handlers.append((kind, handler))
        return handler

    return keep
