"""Requests and answers."""

import json

from _faas_adapter.forms.insensitive import Headers
from _faas_adapter.forms.multi import Multi
from _faas_adapter.forms.multipart import parts
from _faas_adapter.forms.urlencoded import pairs


class HttpRequest:
    def __init__(self, method, url, *, headers=None, params=None, route_params=None, body=b""):
        self.method = method.upper()
        self.url = url
        self.headers = Headers(headers or {})
        self.params = dict(params or {})
        self.route_params = dict(route_params or {})
        self._body = body.encode("utf-8") if isinstance(body, str) else bytes(body or b"")

    def get_body(self):
        return self._body

    def get_json(self):
        return json.loads(self._body.decode("utf-8"))

    @property
    def form(self):
        return self._parsed()[0]

    @property
    def files(self):
        return self._parsed()[1]

    def _parsed(self):
        kind = self.headers.get("content-type", "")
        if kind.lower().startswith("multipart/form-data"):
            fields, files = parts(self._body, kind)
            return Multi(fields), Multi(files)
        if kind.lower().startswith("application/x-www-form-urlencoded"):
            return Multi(pairs(self._body.decode("utf-8", "replace"))), Multi(())
        return Multi(()), Multi(())


class _Headers(Headers):
    """A name may be added again: `add("Set-Cookie", …)`."""

    def __init__(self, values):
        self._added = []
        super().__init__(values)

    def add(self, name, value):
        if name in self:
            self._added.append((name.lower(), value))
        else:
            self[name] = value

    def items(self):
        return [*super().items(), *self._added]


class HttpResponse:
    def __init__(self, body=None, *, status_code=None, headers=None, mimetype=None, charset=None):
        self.status_code = 200 if status_code is None else int(status_code)
        self.mimetype = mimetype or "text/plain"
        self.charset = charset or "utf-8"
        self.headers = _Headers(headers or {})
        if body is not None and not isinstance(body, (str, bytes, bytearray)):
            raise TypeError(f"response is expected to be either of str, bytes, or bytearray, got {type(body).__name__}")
        self._body = body.encode(self.charset) if isinstance(body, str) else bytes(body or b"")

    def get_body(self):
        return self._body


class _Middleware:
    """Holds an application; `main = AsgiMiddleware(app).main` and the two kinds of FunctionApp are served with it."""

    def __init__(self, app):
        self._app = app

    def main(self, req, context=None):
        raise NotImplementedError("AsgiMiddleware and WsgiMiddleware run with azure-functions among `requirements`")

    handle = handle_async = main


class WsgiMiddleware(_Middleware):
    pass


class AsgiMiddleware(_Middleware):
    pass
