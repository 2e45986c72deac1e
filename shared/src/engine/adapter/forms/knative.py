"""Knative Functions: `new()` or `handle` over ASGI, and Parliament's `main(context)`."""

import os

from .. import standard, tasks
from ..reply import Unloadable
from . import cloudevent, finding, flask_context

SHIMS = "knative"


def prepare():
    cloudevent.prepare(SHIMS)


def load(module, entry_point):
    name = entry_point or next((each for each in ("new", "handle", "main") if hasattr(module, each)), None)
    if name is None:
        raise Unloadable("there is no `def new()`, `handle(scope, receive, send)` or `main(context)` in the function")
    entry = finding.find(module, name, (), "`def new()` or `def main(context)`")
    if isinstance(entry, type) or finding.arity(entry) == 0:
        return _asgi(_instance(entry()))
    if finding.arity(entry) == 3:
        return _asgi(entry)
    return _parliament(entry)


def _instance(function):
    if not callable(getattr(function, "handle", None)):
        raise Unloadable("the object that `new()` returns has no method `handle(scope, receive, send)`")
    # Once a process, as with the platform's start of a server.
    if hasattr(function, "start"):
        tasks.settled(function.start(dict(os.environ)))
    return _Routes(function)


class _Routes:
    """Beside `handle`, the platform's middleware has two paths of its own."""

    def __init__(self, function):
        self._function = function

    async def __call__(self, scope, receive, send):
        check = {"/health/liveness": "alive", "/health/readiness": "ready"}.get(scope["path"])
        if check is None:
            await self._function.handle(scope, receive, send)
            return
        result = getattr(self._function, check, lambda: True)()
        fine, message = result if isinstance(result, tuple) else (result, "OK")
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200 if fine else 500, "headers": headers})
        await send({"type": "http.response.body", "body": str(message).encode("utf-8")})


def _asgi(app):
    async def call(scope, receive, send):
        # The middleware answers the lifespan itself: `handle` sees requests only.
        if scope["type"] == "http":
            await app(scope, receive, send)

    return standard.module(f"{__package__}.asgi_server").Server(call, bare=True).call


def _parliament(main):
    flask = flask_context.flask_package()
    from cloudevents.http import from_http, to_binary

    def view():
        context = Context(flask.request._get_current_object())
        if flask.request.method == "POST":
            try:
                context.cloud_event = from_http(flask.request.headers, flask.request.get_data())
            except Exception:
                # Any other request has none; the package has exceptions of its own, by version.
                context.cloud_event = None
        result = tasks.settled(main(context))
        if hasattr(result, "get_attributes") or type(result).__name__ == "CloudEvent":
            headers, body = to_binary(result)
            return body, headers
        return result

    return flask_context.serve(view)


class Context:
    """Parliament's: attributes, which can be read as a mapping as well."""

    def __init__(self, request):
        self.request = request
        self.cloud_event = None

    def __getitem__(self, name):
        value = getattr(self, name, None) if name in ("request", "cloud_event") else None
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self):
        return (name for name in ("request", "cloud_event") if getattr(self, name) is not None)

    def __len__(self):
        return len(list(iter(self)))

    def keys(self):
        return list(self)

    def get(self, name, default=None):
        return self[name] if name in self.keys() else default
