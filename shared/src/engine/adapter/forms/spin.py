"""Fermyon Spin: a class with `handle_request`, or the function of the oldest SDK."""

import sys

from .. import tasks
from ..reply import Reply, Unloadable
from .bodies import readable
from .finding import named
from .targets import target

SHIMS = "spin"

# What componentize-py exports: SDK 2 and 3 the first, from 4 on the second.
_CLASSES = ("IncomingHandler", "Handler")
_EXPECTED = "class `IncomingHandler` with `handle_request(self, request)`"


def load(module, entry_point):
    make = _maker(named(module, entry_point)) if entry_point else _found(module)

    def run(request):
        # Spin makes an instance for each request, so nothing stays on `self`.
        return _reply(tasks.settled(make()(_request(request))))

    return run


def _maker(entry):
    """From what `entryPoint` names: a function that gives the `handle_request` of one request."""
    if isinstance(entry, type):
        return lambda: entry().handle_request
    if hasattr(entry, "handle_request"):
        return lambda: entry.handle_request
    if entry.__name__ == "init_incoming_handler":
        return lambda: entry().handle_request
    return lambda: entry


def _found(module):
    classes = _handlers(module)
    for name in _CLASSES:
        if name in classes:
            return _maker(classes[name])
    if len(classes) == 1:
        return _maker(*classes.values())
    if classes:
        several = ", ".join(classes)
        raise Unloadable(f"there are several handlers in the function ({several}): entryPoint has to name one")
    for name in ("init_incoming_handler", "handle_request"):
        if callable(getattr(module, name, None)):
            return _maker(getattr(module, name))
    raise Unloadable(f"there is no {_EXPECTED} in the function")


def _handlers(module):
    """The module's own classes that handle requests, without those that others of them derive from."""
    classes = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and not value.__module__.startswith("spin_sdk")
        and (_is_derived(value) or name in _CLASSES and hasattr(value, "handle_request"))
    }
    bases = {base for value in classes.values() for base in value.__mro__[1:]}
    return {name: value for name, value in classes.items() if value not in bases}


def _is_derived(value):
    return any(base.__module__.startswith("spin_sdk") for base in value.__mro__[1:])


def _request(request):
    uri = target(request)
    path = uri.partition("?")[0]
    # The headers that Spin adds; the route is the one that takes every path.
    added = {
        "spin-path-info": path,
        "spin-full-url": request.url,
        "spin-matched-route": "/...",
        "spin-component-route": "",
        "spin-raw-component-route": "/...",
        "spin-base-path": request.prefix or "/",
        "spin-client-addr": f"{request.source_ip}:0",
    }
    pairs = [pair for pair in request.headers if pair[0] not in added] + list(added.items())
    oldest = sys.modules.get("spin_http")
    if oldest:
        # The first SDK has a list of pairs, the later ones a dict.
        return oldest.Request(request.method, uri, pairs, request.body)
    # A class of the right name need not have imported it.
    from spin_sdk.http import Request

    return Request(request.method, uri, dict(pairs), request.body)


def _reply(response):
    if not hasattr(response, "status"):
        raise TypeError(f"handle_request returned {type(response).__name__}, not a Response")
    headers = response.headers or []
    pairs = [(name, str(value)) for name, value in (headers.items() if hasattr(headers, "items") else headers)]
    body = response.body
    if body is not None and not isinstance(body, str):
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise TypeError(f"the body of the Response is {type(body).__name__}, not bytes")
        body = readable(bytes(body), pairs)
    return Reply(response.status, pairs, body)
