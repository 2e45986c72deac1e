"""Nuclio: `handler(context, event)`, and `init_context(context)` before the first one."""

import datetime
import json
import sys
import types

from .. import tasks
from ..reply import Json, Reply
from . import finding
from .bodies import content_type, readable
from .insensitive import Headers
from .nuclio_objects import Context, Response

SHIMS = "nuclio"


def load(module, entry_point):
    handler = finding.find(module, entry_point, ("handler",), "`def handler(context, event)`")
    context = Context()
    # Run once for each worker, before any event.
    if callable(getattr(module, "init_context", None)):
        tasks.settled(module.init_context(context))

    def run(request):
        return _reply(tasks.settled(handler(context, _event(request))))

    return run


def _event(request):
    kind = request.header("content-type") or ""
    return Event(
        body=_body(request, kind),
        content_type=kind,
        trigger=types.SimpleNamespace(kind="http", name="default-http"),
        # Of a name that comes twice, the processor has the last value.
        fields=dict(request.query_pairs()),
        headers=Headers(request.header_dict()),
        id=request.execution_id,
        method=request.method,
        path=request.path,
        size=len(request.body),
        timestamp=datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None),
        url=request.url,
        shard_id=0,
        num_shards=0,
        type="",
        type_version="",
        version="",
        last_in_batch=False,
        offset=0,
        topic=None,
    )


class Event(types.SimpleNamespace):
    def get_header(self, name):
        return self.headers.get(name)


def _body(request, kind):
    # The type as it is, without parameters: nothing else is parsed.
    if kind != "application/json":
        return request.body
    try:
        return request.json()
    except ValueError as error:
        print(f"Failed deserializing json body, error message: {error}", file=sys.stderr)
        return request.body


def _reply(value):
    if isinstance(value, types.GeneratorType):
        value = _joined(value)
    if hasattr(value, "status_code") and hasattr(value, "body"):
        return _from_response(value)
    if isinstance(value, tuple) and len(value) == 2:
        status, body = value
        if isinstance(body, str):
            return _make(status, [], "text/plain", body)
        return _make(status, [], "application/json", _json(body))
    if isinstance(value, (dict, list)):
        return _make(200, [], "application/json", _json(value))
    return _make(200, [], "text/plain", value)


def _from_response(response):
    headers = [(name, str(value)) for name, value in (response.headers or {}).items()]
    if isinstance(response.body, types.GeneratorType):
        response.body = _joined(response.body)
    if isinstance(response.body, dict):
        return _make(response.status_code, headers, "application/json", _json(response.body))
    return _make(response.status_code, headers, response.content_type, response.body)


def _joined(generator):
    """A streamed answer: the first part says what it is, all are the body."""
    first, data = None, b""
    for part in generator:
        if first is None:
            first = part if hasattr(part, "status_code") else Response(body=part)
        body = getattr(part, "body", part)
        data += body if isinstance(body, (bytes, bytearray)) else str(body).encode("utf-8")
    first = first or Response()
    return Response(first.headers, data, first.content_type, first.status_code)


def _make(status, headers, kind, body):
    if not content_type(headers):
        headers.append(("content-type", kind))
    if isinstance(body, (bytes, bytearray)):
        body = readable(bytes(body), headers)
    elif not isinstance(body, Json):
        # As the SDK does it: None is the text "None".
        body = str(body)
    return Reply(int(status), headers, body or None)


def _json(value):
    # The SDK's encoder takes anything, by `repr` at worst.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)
    return Json(text)
