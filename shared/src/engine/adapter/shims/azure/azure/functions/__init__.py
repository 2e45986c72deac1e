"""Stands in for the package azure-functions, where it isn't installed."""

from .apps import (  # noqa: F401
    AsgiFunctionApp,
    AuthLevel,
    Blueprint,
    FunctionApp,
    FunctionRegister,
    HttpMethod,
    WsgiFunctionApp,
)
from .http import AsgiMiddleware, HttpRequest, HttpResponse, WsgiMiddleware  # noqa: F401


class _Named(type):
    # `func.Out[str]`, `func.QueueMessage`: names in annotations.
    def __getitem__(cls, item):
        return cls


def __getattr__(name):
    if name.startswith("__") or not name[:1].isupper():
        raise AttributeError(name)
    return _Named(name, (), {})
