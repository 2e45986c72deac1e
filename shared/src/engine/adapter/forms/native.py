"""The native form: `def handler(event, context)`, plain or `async`."""

import base64

from ..reply import Unloadable, native_reply

SHIMS = None


def load(module, entry_point):
    name = entry_point or "handler"
    handler = getattr(module, name, None)
    if not callable(handler):
        raise Unloadable(f"there is no `def {name}(event, context)` in the function")

    def call(request):
        value = handler(Event(request), request.context)
        kind = type(value)
        if hasattr(kind, "__await__"):
            value = _run(value)
        elif hasattr(kind, "__anext__"):
            value = _run(_all_of(value))
        return native_reply(value)

    return call


class Event(dict):
    """The event of a native handler.

    - `method`, `path`: text; the path is decoded.
    - `headers`: by lower-case name, several values joined with `,` (cookies with `; `).
    - `query`: by name, decoded, several values joined with `,`.
    - `body`: the value if the body is JSON that Python can hold (see `Request.json`), else its text, else base64
      with `isBase64Encoded` beside it; `{}` if there is none.
    - `rawQuery`: text, undecoded. `cookies`: a list of `name=value`. `sourceIp`: text.
    - `rawBody`: bytes. It can be asked for, but is in no list of the keys: so the event is JSON.
    """

    def __init__(self, request):
        super().__init__(method=request.method, path=request.path, headers=request.header_dict())
        query = self["query"] = {}
        for name, value in request.query_pairs():
            query[name] = f"{query[name]},{value}" if name in query else value
        self._set_body(request)
        self.update(rawQuery=request.raw_query, cookies=request.cookies, sourceIp=request.source_ip)
        self._raw_body = request.body

    def __missing__(self, key):
        if key == "rawBody":
            return self._raw_body
        raise KeyError(key)

    def __contains__(self, key):
        return key == "rawBody" or super().__contains__(key)

    def get(self, key, default=None):
        return self[key] if key in self else default

    def _set_body(self, request):
        if not request.body:
            self["body"] = {}
            return
        try:
            self["body"] = request.json()
            return
        except ValueError:
            pass
        text = request.text()
        if text is None:
            text = base64.b64encode(request.body).decode("ascii")
            self["isBase64Encoded"] = True
        self["body"] = text


def _run(awaitable):
    # Few functions need the event loop.
    from ..tasks import settled

    return settled(awaitable)


async def _all_of(values):
    return [value async for value in values]
