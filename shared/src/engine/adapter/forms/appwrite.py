"""Appwrite Functions: `main(context)` with `context.req`, `context.res`, `context.log`, `context.error`."""

import json
import sys

from .. import tasks
from ..reply import Reply, Unusable
from . import finding
from .bodies import readable
from .targets import target

SHIMS = None


def load(module, entry_point):
    main = finding.find(module, entry_point, ("main",), "`def main(context)`")

    def run(request):
        context = Context(request)
        return _reply(tasks.settled(main(context)))

    return run


class Context:
    def __init__(self, request):
        self.req = Request(request)
        self.res = Response()

    def log(self, *messages):
        print(*(_shown(message) for message in messages))

    def error(self, *messages):
        print(*(_shown(message) for message in messages), file=sys.stderr)


def _shown(message):
    return json.dumps(message, ensure_ascii=False, default=str) if isinstance(message, (dict, list)) else str(message)


class Request:
    def __init__(self, request):
        self._json = request.json
        self.body_binary = request.body
        self.method = request.method
        self.headers = request.header_dict()
        self.scheme = self.headers.get("x-forwarded-proto", "https")
        host, _, port = self.headers.get("host", "localhost").partition(":")
        usual = 443 if self.scheme == "https" else 80
        self.host = host
        self.port = int(port) if port.isdigit() else usual
        self.path = target(request).partition("?")[0]
        self.query_string = request.raw_query
        # Not decoded, and the last value of a name: so the runtime has it.
        parts = (part.partition("=") for part in request.raw_query.split("&"))
        self.query = {name: value for name, _, value in parts if name}
        origin = f"{self.scheme}://{self.host}" + ("" if self.port == usual else f":{self.port}")
        self.url = origin + request.prefix + target(request)

    @property
    def body_text(self):
        return self.body_binary.decode("utf-8")

    @property
    def body_raw(self):
        return self.body_text

    @property
    def body_json(self):
        return self._json()

    @property
    def body(self):
        if self.headers.get("content-type", "text/plain").lower().startswith("application/json"):
            return self.body_json if self.body_binary else {}
        return self.body_text


class Response:
    # The runtime's parameter is `statusCode`, also by name.
    def binary(self, bytes, statusCode=200, headers=None):
        return {"body": bytes, "statusCode": statusCode, "headers": headers or {}}

    def send(self, body, statusCode=200, headers=None):
        return self.binary(body, statusCode, headers)

    def text(self, body, statusCode=200, headers=None):
        return self.binary(body.encode("utf-8"), statusCode, headers)

    def json(self, obj, statusCode=200, headers=None):
        text = json.dumps(obj, ensure_ascii=False, separators=(",", ":"))
        return self.text(text, statusCode, {**(headers or {}), "content-type": "application/json"})

    def empty(self):
        return self.text("", 204)

    def redirect(self, url, statusCode=301, headers=None):
        return self.text("", statusCode, {**(headers or {}), "location": url})


def _reply(value):
    if value is None:
        # The runtime's own words for it.
        raise Unusable("the function returned nothing: it has to return context.res.empty() or another answer")
    if not isinstance(value, dict):
        raise Unusable("the function returned something that no method of context.res made")
    headers = []
    for name, values in (value.get("headers") or {}).items():
        # Names of the platform's own are not passed on.
        if not name.lower().startswith("x-open-runtimes-"):
            headers += [(name.lower(), str(each)) for each in (values if isinstance(values, list) else [values])]
    kind = next((text for name, text in headers if name == "content-type"), "text/plain")
    if not kind.startswith("multipart/") and "charset=" not in kind.lower():
        kind += "; charset=utf-8"
    headers = [pair for pair in headers if pair[0] != "content-type"] + [("content-type", kind)]
    body = value.get("body", "")
    if isinstance(body, (bytes, bytearray)):
        body = readable(bytes(body), headers)
    elif body is not None and not isinstance(body, str):
        raise Unusable("the function returned a body that is neither text nor bytes")
    return Reply(value.get("statusCode", 200), headers, body or None)
