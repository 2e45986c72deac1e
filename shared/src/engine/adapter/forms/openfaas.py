"""OpenFaaS: `handle(event, context)` of python3-http, `handle(req)` of python3 and python3-flask."""

import os
import types

from .. import tasks
from ..reply import Json, Reply, Unusable, json_body
from . import finding
from .bodies import readable
from .insensitive import Headers
from .multi import Multi

SHIMS = None


def load(module, entry_point):
    handle = finding.find(module, entry_point, ("handle",), "`def handle(event, context)`")
    if finding.arity(handle) == 1:
        # The classic template prints what is returned; python3-flask passes
        # it to Flask. Both give the body, the first one as text.
        return lambda request: _reply(tasks.settled(handle(_text(request))))
    return lambda request: _reply(tasks.settled(handle(_event(request), _context())))


def _text(request):
    text = request.text()
    return request.body if text is None else text


def _event(request):
    return types.SimpleNamespace(
        body=request.body,
        headers=Headers(request.header_dict()),
        method=request.method,
        query=Multi(request.query_pairs()),
        path=request.path,
    )


def _context():
    return types.SimpleNamespace(hostname=os.environ.get("HOSTNAME", "localhost"))


def _reply(value):
    if value is None:
        return Reply(200)
    if isinstance(value, dict):
        if not {"statusCode", "body", "headers"} & value.keys():
            # In the classic templates, as in Flask, any other dict is JSON.
            return Reply(200, [("content-type", "application/json")], json_body(value))
        return _make(value.get("body", ""), value.get("statusCode", 200), value.get("headers"))
    if isinstance(value, tuple) and 1 < len(value) < 4:
        return _from_tuple(*value)
    return _make(value, 200, None)


def _from_tuple(body, status, headers=None):
    """Flask's: (body, status), (body, headers) or (body, status, headers)."""
    if isinstance(status, (dict, list)):
        return _make(body, 200, status)
    return _make(body, status, headers)


def _make(body, status, headers):
    pairs = []
    for name, value in headers.items() if isinstance(headers, dict) else headers or ():
        pairs += [(name, str(each)) for each in (value if isinstance(value, (list, tuple)) else [value])]
    typed = any(name.lower() == "content-type" for name, _ in pairs)
    body = _body(body, pairs)
    if not typed and isinstance(body, Json):
        pairs.append(("content-type", "application/json"))
    elif not typed and body is not None:
        # Flask's default, which the templates leave as it is.
        pairs.append(("content-type", "text/html; charset=utf-8"))
    try:
        return Reply(int(status), pairs, body)
    except (TypeError, ValueError):
        raise Unusable("the function returned a statusCode that is not a whole number from 200 to 599") from None


def _body(body, pairs):
    if body is None or body == "" or body == b"":
        return None
    if isinstance(body, (dict, list)):
        return json_body(body)
    if isinstance(body, (bytes, bytearray)):
        return readable(bytes(body), pairs)
    return str(body)
