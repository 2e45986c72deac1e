"""Requests, answers, handlers."""

from _faas_adapter import standard


class _Message:
    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self):
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"


class Request(_Message):
    # SDK 2 and later need all four, the first one didn't.
    def __init__(self, method, uri, headers=None, body=None):
        self.method = method
        self.uri = uri
        self.headers = {} if headers is None else headers
        self.body = body


class Response(_Message):
    def __init__(self, status, headers=None, body=None):
        self.status = status
        self.headers = {} if headers is None else headers
        self.body = body

    def __await__(self):
        # `send` is awaited from SDK 4 on, before it isn't: both work.
        return self
        yield


class IncomingHandler:
    """What a function derives from, up to SDK 3."""

    def handle_request(self, request):
        raise NotImplementedError


class Handler(IncomingHandler):
    """What it derives from, from SDK 4 on: `handle_request` is `async` there."""


def send(request):
    """Makes a request. Redirects are not followed, and any status is an answer."""
    # Late, since few functions make requests and importing these takes long.
    client, parse = standard.module("http.client"), standard.module("urllib.parse")
    url = parse.urlsplit(request.uri)
    if not url.hostname:
        raise ValueError(f"send needs a whole URL, with its host: {request.uri}")
    kind = client.HTTPSConnection if url.scheme == "https" else client.HTTPConnection
    headers = request.headers
    pairs = headers.items() if hasattr(headers, "items") else headers
    body = request.body.encode("utf-8") if isinstance(request.body, str) else request.body
    connection = kind(url.hostname, url.port)
    try:
        path = parse.quote(url.path or "/", safe="/%:@!$&'()*+,;=~")
        connection.request(request.method, f"{path}?{url.query}" if url.query else path, body or b"", dict(pairs))
        answer = connection.getresponse()
        return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


async def send_async(request):
    """SDK 3's name for what is awaited."""
    return send(request)


def strip_forbidden_headers(headers):
    """Takes out what Spin doesn't let a function set."""
    for name in (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "host",
        "http2-settings",
    ):
        headers.pop(name, None)
    return headers
