"""Apache OpenWhisk's web actions, and DigitalOcean Functions, which build on them."""

import base64
import binascii
import os
import time
import types

from .. import tasks
from ..reply import Reply, Unusable, json_body
from . import finding, urlencoded
from .bodies import content_type, readable

SHIMS = None

_FORM = "application/x-www-form-urlencoded"


def load(module, entry_point):
    main = finding.find(module, entry_point, ("main",), "`def main(args)`")
    arity = finding.arity(main)
    # An action is set to raw handling outside of its source; `__ow_query` is
    # only there in one, so whoever reads it is.
    raw = "__ow_query" in finding.source(module)

    def run(request):
        arguments = (_arguments(request, raw), _context(request))
        # DigitalOcean passes a context as well, and lets a function leave both out.
        return _reply(tasks.settled(main(*arguments[: 1 if arity is None else arity])))

    return run


def _arguments(request, raw):
    path = "" if request.path == "/" else request.path
    headers = request.header_dict()
    body, is_base64 = _entity(request)
    parameters = None if raw else _parameters(request)
    arguments = {}
    if not raw:
        arguments.update(request.query_pairs())
        arguments.update(parameters or {})
    arguments["__ow_method"] = request.method.lower()
    arguments["__ow_headers"] = headers
    arguments["__ow_path"] = path
    if raw:
        arguments["__ow_query"] = request.raw_query
    if parameters is None and request.body:
        # Only there when the body is neither a JSON object nor a form.
        arguments["__ow_body"] = body
        arguments["__ow_isBase64Encoded"] = is_base64
    elif raw:
        arguments["__ow_body"] = ""
    arguments["http"] = {
        "method": request.method,
        "path": path,
        "headers": headers,
        "queryString": request.raw_query,
        "body": body,
        "isBase64Encoded": is_base64,
    }
    return arguments


def _parameters(request):
    """What the body adds to the arguments, None if it isn't of that kind."""
    kind = content_type(request.headers).partition(";")[0].strip()
    if kind == _FORM:
        return dict(urlencoded.pairs(request.text() or ""))
    # OpenWhisk takes a body without a type for JSON where it is.
    if kind in ("", "application/json"):
        try:
            value = request.json()
        except ValueError:
            return None
        return value if isinstance(value, dict) else None
    return None


def _entity(request):
    """The body as text, or in base64 where its type is binary."""
    kind = content_type(request.headers).partition(";")[0].strip()
    is_text = kind.startswith("text/") or kind in ("", _FORM, "application/json", "application/xml")
    text = request.text() if is_text else None
    # To OpenWhisk JSON is binary where it stays a body.
    if text is None or kind == "application/json":
        return base64.b64encode(request.body).decode("ascii"), bool(request.body)
    return text, False


def _context(request):
    """DigitalOcean's second argument."""
    context = request.context
    left = getattr(context, "get_remaining_time_in_millis", lambda: 0)
    return types.SimpleNamespace(
        activation_id=request.execution_id,
        request_id=request.execution_id,
        api_host=f"https://{request.header('host') or 'localhost'}",
        api_key="",
        deadline=int(time.time() * 1000) + left(),
        function_name=getattr(context, "function_name", os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")),
        function_version=getattr(context, "function_version", ""),
        namespace="",
        get_remaining_time_in_millis=left,
    )


def _reply(value):
    if value is None:
        return Reply(204)
    if not isinstance(value, dict):
        raise Unusable("the function returned a value that is not a dict")
    if "error" in value and not _is_http(value):
        value = value["error"]
        if not (isinstance(value, dict) and _is_http(value)):
            # An action that failed has no answer of its own.
            return Reply(400, [("content-type", "application/json")], json_body({"error": value}))
    if not _is_http(value):
        return Reply(200, [("content-type", "application/json")], json_body(value))
    headers = _headers(value.get("headers"))
    body = _body(value.get("body"), headers)
    return Reply(_status(value.get("statusCode"), body), headers, body)


def _is_http(value):
    return bool({"statusCode", "body", "headers"} & value.keys())


def _status(status, body):
    if status is None:
        return 200 if body else 204
    try:
        status = int(status)
    except (TypeError, ValueError):
        status = 0
    if not 200 <= status <= 599:
        raise Unusable("the function returned a statusCode that is not a whole number from 200 to 599")
    return status


def _headers(headers):
    if not isinstance(headers or {}, dict):
        raise Unusable("the function returned headers that are not a dict")
    pairs = []
    for name, values in (headers or {}).items():
        for value in values if isinstance(values, (list, tuple)) else [values]:
            pairs.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
    return pairs


def _body(body, headers):
    if body is None or body == "":
        return None
    kind = content_type(headers).partition(";")[0].strip()
    if not isinstance(body, str):
        if not kind:
            headers.append(("content-type", "application/json"))
        return json_body(body)
    if not kind:
        headers.append(("content-type", "text/html; charset=utf-8"))
        return body
    if kind == "application/json":
        # It may be in base64, as any binary type, and may be as it is.
        return body if body.lstrip()[:1] in tuple('{["') else _decoded(body, headers) or body
    if kind.startswith(("text/", "message/")) or kind in (_FORM, "application/javascript", "application/xml"):
        return body
    decoded = _decoded(body, headers)
    if decoded is None:
        raise Unusable(f"the function returned a body of a binary type that is not base64: {kind[:100]}")
    return decoded


def _decoded(body, headers):
    try:
        return readable(base64.b64decode(body, validate=True), headers)
    except (binascii.Error, ValueError):
        return None
