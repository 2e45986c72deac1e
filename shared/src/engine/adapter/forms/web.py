"""Serves an application of either protocol, WSGI or ASGI.

Which one it is shows at the object itself: the names `wsgi` and `asgi` of the
forms say only what was expected.
"""

import functools
import inspect

from .. import standard
from ..reply import Unloadable
from . import wsgi_server
from .finding import named

NAMES = ("app", "application")


def load(module, entry_point):
    return serve(_application(module, entry_point), module)


def serve(app, module):
    """What answers requests with the application."""
    kind, arguments = _kind(app)
    if kind == "function" and arguments == 0:
        # A factory, as `create_app()`: what it makes is the application.
        app = app()
        kind, arguments = _kind(app)
    if kind == "async" or arguments == 3:
        return _server(app, _is_bare(app, module))
    if arguments == 1:
        # ASGI 2: called with the scope, then with `receive` and `send`.
        return _server(_single(app), _is_bare(app, module))
    if arguments in (2, None):
        return lambda request: wsgi_server.call(app, request)
    raise Unloadable("the application is neither WSGI (environ, start_response) nor ASGI (scope, receive, send)")


def _application(module, entry_point):
    if entry_point:
        app = named(module, entry_point)
        if callable(app):
            return app
        raise Unloadable(f"`{entry_point}`, which entryPoint names, is no application: it can't be called")
    for name in NAMES:
        if callable(getattr(module, name, None)):
            return getattr(module, name)
    raise Unloadable("there is no `app` or `application` in the function that is WSGI or ASGI")


def _kind(app):
    """Whether a call is `async`, and how many arguments it has; None if that can't be seen."""
    while isinstance(app, functools.partial):
        app = app.func
    if inspect.isclass(app):
        # An instance is made for each request, of ASGI 2 or of WSGI.
        return "class", _arguments(app)
    is_function = inspect.isroutine(app)
    call = app if is_function else type(app).__call__
    if inspect.iscoroutinefunction(call):
        return "async", 3
    return "function" if is_function else "object", _arguments(app)


def _arguments(app):
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [each for each in parameters if each.kind in positional]
    # A default or two beyond what the protocol passes are the application's own.
    without = [each for each in needed if each.default is each.empty]
    return len(without) or len(needed)


def _server(app, bare):
    # Late, since asyncio takes long to import, and WSGI does without.
    return standard.module(f"{__package__}.asgi_server").Server(app, bare).call


def _is_bare(app, module):
    """Whether the application is the user's own code, without a framework under it."""
    if inspect.isroutine(app):
        return True
    classes = (app if inspect.isclass(app) else type(app)).__mro__[:-1]
    return all(each.__module__ == module.__name__ for each in classes)


def _single(app):
    async def call(scope, receive, send):
        await app(scope)(receive, send)

    return call
