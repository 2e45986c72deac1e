"""What a function replies."""

import base64
import binascii
import json


class Unusable(Exception):
    """The function returned what can't be passed on.

    The sentence is for its caller; the detail, which may quote what the function made up, is for the log.
    """

    def __init__(self, sentence, detail=""):
        super().__init__(sentence)
        self.detail = detail


class Unloadable(Exception):
    """The function can't be called: a sentence for the log that says what is missing."""


class Json:
    """A body that is JSON already."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text


class Reply:
    """A status from 200 to 599, headers as pairs of text, a body.

    The body is None (there is none), str, bytes or `Json`. A header's name may come twice.
    """

    __slots__ = ("status", "headers", "body")

    def __init__(self, status=200, headers=(), body=None):
        self.status = status
        self.headers = list(headers)
        self.body = body


def json_body(value):
    """The body that holds `value`. Raises `Unusable` if JSON can't."""
    try:
        # Checked here, and as text, so that every digit arrives. NaN is no JSON.
        return Json(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise Unusable("the function returned a value that is not JSON", _one_line(error)) from None


def native_reply(value):
    """What a native handler returned: a dict with `statusCode`, or any other value, which is the body of a 200."""
    if not (isinstance(value, dict) and "statusCode" in value):
        return Reply(200, [], _body(value, False))
    status = value["statusCode"]
    is_number = isinstance(status, int) and not isinstance(status, bool)
    if not is_number or not 200 <= status <= 599:
        raise Unusable("the function returned a statusCode that is not a whole number from 200 to 599")
    headers = _headers(value.get("headers")) + _cookies(value.get("cookies"))
    body = _body(value["body"], value.get("isBase64Encoded") is True) if "body" in value else None
    return Reply(int(status), headers, body)


def _headers(headers):
    if headers is None:
        return []
    if not isinstance(headers, dict):
        raise Unusable("the function returned headers that are not a dict")
    pairs = []
    for name, values in headers.items():
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if not isinstance(name, str) or not isinstance(value, (str, int, float)):
                raise Unusable("the function returned a header that is not text")
            pairs.append((name, str(value)))
    return pairs


def _cookies(cookies):
    if cookies is None:
        return []
    if not isinstance(cookies, (list, tuple)) or not all(isinstance(cookie, str) for cookie in cookies):
        raise Unusable("the function returned cookies that are not a list of text")
    return [("set-cookie", cookie) for cookie in cookies]


def _body(body, is_base64):
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    if not isinstance(body, str):
        return json_body(body)
    if not is_base64:
        return body
    try:
        # Encoders that break lines are common.
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unusable("the function returned a body that is not base64") from None


def _one_line(error):
    return " ".join(str(error).split())[:200]
