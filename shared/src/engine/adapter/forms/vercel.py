"""Vercel: `class handler(BaseHTTPRequestHandler)`, or an `app` of WSGI or ASGI."""

import io

from ..reply import Reply, Unloadable
from . import finding, web
from .bodies import readable
from .targets import target

SHIMS = None


def load(module, entry_point):
    names = (entry_point,) if entry_point else ("handler", "Handler", "app", "application")
    for name in names:
        value = finding.named(module, name) if entry_point else getattr(module, name, None)
        if isinstance(value, type) and any(base.__name__ == "BaseHTTPRequestHandler" for base in value.__mro__):
            return lambda request: _call(value, request)
        if callable(value):
            return web.serve(value, module)
    raise Unloadable("there is no `class handler(BaseHTTPRequestHandler)` and no `app` in the function")


def _call(handler, request):
    connection = _Connection(_bytes(request))
    # The class handles the connection when it is made, until it is closed.
    handler(connection, (request.source_ip, 0), _Server())
    return _reply(connection.sent())


class _Server:
    """What the class knows of its server."""

    server_name = "localhost"
    server_port = 443
    server_address = ("localhost", 443)
    base_environ = {}


class _Connection:
    """A socket whose two directions are in memory."""

    def __init__(self, data):
        self._in = io.BytesIO(data)
        self._out = bytearray()

    def makefile(self, mode="rb", buffering=-1):
        return self._in

    def sendall(self, data):
        self._out += data

    def settimeout(self, seconds):
        """Called where the class has a timeout; nothing waits here."""

    def setsockopt(self, *arguments):
        """Called where the class switches Nagle's algorithm off."""

    def sent(self):
        return bytes(self._out)


def _bytes(request):
    """The request as HTTP/1.1 writes it. `path` has the query, as on the wire."""
    lines = [f"{request.method} {target(request)} HTTP/1.1"]
    lines += [
        f"{name}: {value}"
        for name, value in request.headers
        if name not in ("content-length", "transfer-encoding", "connection", "expect")
    ]
    lines += [f"content-length: {len(request.body)}", "connection: close", "", ""]
    # Field values are bytes to the class, read as Latin-1.
    return "\r\n".join(lines).encode("utf-8") + request.body


def _reply(data):
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator and not data.startswith(b"HTTP/"):
        raise RuntimeError("the handler sent no answer: neither send_response nor end_headers was called")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    status = int(lines[0].split(None, 2)[1])
    pairs = [tuple(part.strip() for part in line.partition(":")[::2]) for line in lines[1:] if ":" in line]
    # These two are the server's own; the length is that of the body.
    pairs = [(name, value) for name, value in pairs if name.lower() not in ("server", "date", "connection")]
    if any(name.lower() == "transfer-encoding" for name, _ in pairs):
        body = _unchunked(body)
        pairs = [(name, value) for name, value in pairs if name.lower() != "transfer-encoding"]
    return Reply(status, pairs, readable(body, pairs))


def _unchunked(data):
    joined, rest = b"", data
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if length == 0:
            break
        joined, rest = joined + rest[:length], rest[length + 2 :]
    return joined
