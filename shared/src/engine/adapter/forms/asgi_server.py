"""Calls an ASGI application, as the specification of version 3 says."""

import asyncio
import sys
import traceback

from .. import tasks
from ..reply import Reply
from .bodies import readable
from .targets import target

_VERSIONS = {"version": "3.0", "spec_version": "2.3"}


class Server:
    """One application: its lifespan begins with the first request.

    A framework finds its routes below `root_path`, which `path` begins with.
    Code that reads `path` itself expects what it gets at a host of its own:
    for such a `bare` application the prefix is left out.
    """

    def __init__(self, app, bare=False):
        self._app = app
        self._bare = bare
        self._state = {}
        self._lifespan = None

    def call(self, request):
        return tasks.run(self._call(request))

    async def _call(self, request):
        if self._lifespan is None:
            await self._start()
        prefix = "" if self._bare else request.prefix
        return await _Exchange(request, prefix).run(self._app, {**self._state})

    async def _start(self):
        """Sends `lifespan.startup`, once a process. There is no shutdown: Lambda ends a process without a word."""
        events = asyncio.Queue()
        await events.put({"type": "lifespan.startup"})
        answered = asyncio.get_running_loop().create_future()

        async def send(message):
            if not answered.done():
                answered.set_result(message)

        scope = {"type": "lifespan", "asgi": _VERSIONS, "state": self._state}
        task = asyncio.ensure_future(self._app(scope, events.get, send))
        await asyncio.wait([task, answered], return_when=asyncio.FIRST_COMPLETED)
        if answered.done() and answered.result()["type"] == "lifespan.startup.failed":
            task.cancel()
            raise RuntimeError(answered.result().get("message") or "the application's startup failed")
        # An application without a lifespan raises, or returns: it starts without.
        if task.done():
            task.exception()
        self._lifespan = task


class _Exchange:
    """A request, and its answer."""

    def __init__(self, request, prefix):
        self._request = request
        self._prefix = prefix
        self._sent = asyncio.Event()
        self._received = False
        self._status = None
        self._headers = []
        self._data = []

    async def run(self, app, state):
        try:
            await app(self._scope(state), self._receive, self._send)
        except Exception:
            if not self._sent.is_set():
                raise
            # The answer is whole, as of an application that answers 500 and
            # raises then: servers log that.
            traceback.print_exc(file=sys.stderr)
        if not self._sent.is_set():
            raise RuntimeError("the application returned before its answer was complete")
        return Reply(self._status, self._headers, readable(b"".join(self._data), self._headers))

    def _scope(self, state):
        request = self._request
        host, _, port = (request.header("host") or "localhost").rpartition(":")
        if not port.isdigit():
            host, port = request.header("host") or "localhost", "443"
        return {
            "type": "http",
            "asgi": _VERSIONS,
            "http_version": "1.1",
            "method": request.method,
            "scheme": "https",
            # `path` is the whole one, `root_path` its beginning.
            "path": self._prefix + request.path,
            "raw_path": (self._prefix + target(request).partition("?")[0]).encode("ascii"),
            "root_path": self._prefix,
            "query_string": request.raw_query.encode("utf-8"),
            "headers": [(name.encode("latin-1", "replace"), value.encode("utf-8")) for name, value in request.headers],
            "client": (request.source_ip, 0),
            "server": (host, int(port)),
            "state": state,
            "extensions": {},
        }

    async def _receive(self):
        if not self._received:
            self._received = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        # The client stays until it has its answer.
        await self._sent.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        kind = message["type"]
        if kind == "http.response.start" and self._status is None:
            self._status = message["status"]
            self._headers = [(_text(name), _text(value)) for name, value in message.get("headers", ())]
        elif kind == "http.response.body" and self._status is not None and not self._sent.is_set():
            self._data.append(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                self._sent.set()
        elif not self._sent.is_set():
            raise RuntimeError(f"the application sent {kind} at the wrong time")


def _text(data):
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        return bytes(data).decode("latin-1")
