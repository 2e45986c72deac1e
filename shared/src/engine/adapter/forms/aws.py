"""AWS Lambda behind an HTTP API: the event of payload 2.0, with the names of 1.0 beside."""

import base64
import binascii
import json
import sys
import time

from .. import tasks
from ..reply import Json, Reply, Unusable, json_body
from . import finding
from .aws_reads import Reads
from .bodies import readable
from .insensitive import Headers

SHIMS = None

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def load(module, entry_point):
    handler = finding.find(
        module, entry_point, ("lambda_handler", "handler", "main"), "`def lambda_handler(event, context)`"
    )
    name = getattr(finding.unwrapped(handler), "__name__", "lambda_handler")
    reads = Reads(finding.source(module), name)

    def run(request):
        event = _plain_event(request) if reads.plain else _http_event(request, reads)
        # Lambda doesn't await a handler; one that is `async` can only mean this.
        return _reply(tasks.settled(handler(event, request.context)))

    return run


def _plain_event(request):
    """The JSON body itself. Without a body, what the query says."""
    if not request.body:
        return dict(request.query_pairs())
    try:
        return request.json()
    except ValueError:
        return _http_event(request, None)


class _Event(dict):
    # Payload 2.0 has no key where there is no body, 1.0 has null: `get` with
    # a default works as in the one, `event["body"]` as in the other.
    def __missing__(self, key):
        if key == "body":
            return None
        raise KeyError(key)


def _http_event(request, reads):
    query, headers = {}, {}
    for name, value in request.query_pairs():
        query.setdefault(name, []).append(value)
    for name, value in request.headers:
        headers.setdefault(name, []).append(value)
    route = reads.route(request.method, request.path) if reads else None
    key, template, parameters = route or (None, request.path, {})
    if not route and request.path != "/":
        parameters = {"proxy": request.path[1:]}
    event = _Event(
        version="2.0",
        routeKey=key or "$default",
        rawPath=request.path,
        rawQueryString=request.raw_query,
        headers=Headers(request.header_dict()),
        queryStringParameters={name: ",".join(values) for name, values in query.items()},
        pathParameters=parameters,
        stageVariables={},
        requestContext=_context(request, key or "$default", template),
        isBase64Encoded=False,
        httpMethod=request.method,
        path=request.path,
        resource=template,
        multiValueHeaders=Headers(headers),
        multiValueQueryStringParameters=query,
    )
    if request.cookies:
        event["cookies"] = list(request.cookies)
    if request.body:
        try:
            event["body"] = request.body.decode("utf-8")
        except UnicodeDecodeError:
            event["body"] = base64.b64encode(request.body).decode("ascii")
            event["isBase64Encoded"] = True
        if reads:
            _add_body_keys(event, request, reads.keys)
    return event


def _add_body_keys(event, request, keys):
    """Keys of a JSON body that the function reads from the event: it takes calls of both kinds."""
    wanted = keys - event.keys()
    if wanted:
        try:
            value = request.json()
        except ValueError:
            return
        if isinstance(value, dict):
            event.update((key, value[key]) for key in wanted & value.keys())


def _context(request, route_key, template):
    now = time.time()
    at = time.gmtime(now)
    host = request.header("host") or "localhost"
    agent = request.header("user-agent") or ""
    return {
        "accountId": "anonymous",
        "apiId": host.partition(".")[0],
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": agent,
        },
        "identity": {"sourceIp": request.source_ip, "userAgent": agent},
        "requestId": request.execution_id,
        "routeKey": route_key,
        "stage": "$default",
        "time": time.strftime(f"%d/{_MONTHS[at.tm_mon - 1]}/%Y:%H:%M:%S +0000", at),
        "timeEpoch": int(now * 1000),
        "requestTime": time.strftime(f"%d/{_MONTHS[at.tm_mon - 1]}/%Y:%H:%M:%S +0000", at),
        "requestTimeEpoch": int(now * 1000),
        "httpMethod": request.method,
        "path": request.path,
        "protocol": "HTTP/1.1",
        "resourcePath": template,
    }


def _reply(value):
    if not (isinstance(value, dict) and "statusCode" in value):
        # Payload 2.0: without a status the value is the body, as JSON.
        return Reply(200, [("content-type", "application/json")], _json(value))
    try:
        status = int(value["statusCode"])
    except (TypeError, ValueError):
        status = 0
    if not 200 <= status <= 599:
        raise Unusable("the function returned a statusCode that is not a whole number from 200 to 599")
    headers = _headers(value)
    return Reply(status, headers, _body(value, headers))


def _headers(value):
    several = value.get("multiValueHeaders") or {}
    single = value.get("headers") or {}
    if not isinstance(several, dict) or not isinstance(single, dict):
        raise Unusable("the function returned headers that are not a dict")
    # Payload 1.0: where a name stands in both, the list counts.
    names = {name.lower() for name in several}
    pairs = [(name, _text(item)) for name, item in single.items() if name.lower() not in names and item is not None]
    for name, items in several.items():
        pairs += [(name, _text(item)) for item in (items if isinstance(items, (list, tuple)) else [items])]
    return pairs + [("set-cookie", str(cookie)) for cookie in value.get("cookies") or ()]


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(value, headers):
    body = value.get("body")
    if body is None or body == "":
        return None
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if not isinstance(body, str):
        return _json(body)
    if value.get("isBase64Encoded") in (True, "true"):
        try:
            return readable(base64.b64decode(body), headers)
        except (binascii.Error, ValueError):
            raise Unusable("the function returned a body that is not base64, with isBase64Encoded") from None
    return body


def _json(value):
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_number)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return json_body(value)
    return Json(text)


def _number(value):
    # Lambda's own encoder takes DynamoDB's numbers, as floats.
    decimals = sys.modules.get("decimal")
    if decimals and isinstance(value, decimals.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
