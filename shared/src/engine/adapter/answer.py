"""The answer to Lambda: UTF-8 of JSON, made here so that no runtime escapes it further."""

import base64
import json

from .reply import Json, Unusable

# The most bytes of a body as it is sent: text or base64.
MOST_BODY_BYTES = 5_900_000

# The most bytes of an answer. Lambda takes 6,291,556.
MOST_BYTES = 6 * 1024 * 1024

# Room for what the answer holds besides body, headers and lines.
_FRAME_BYTES = 512

# Room that a log of the usual kind takes. It is left where the body can do without.
_LINES_BYTES = 160 * 1024

_TOO_LARGE = "the function returned more than an answer can carry, 6 MB"


def encode_reply(reply):
    """The members of the answer that say what the function replied. Raises `Unusable` if it can't be passed on."""
    status = reply.status
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise Unusable("the function returned a status that is not a whole number from 200 to 599")
    headers = [[_checked(name), _checked(value)] for name, value in reply.headers]
    body = reply.body
    if body is None:
        encoded = b'"encoding":"empty"'
    elif isinstance(body, (bytes, bytearray, memoryview)):
        encoded = _base64_member(body)
    elif isinstance(body, Json):
        encoded = _text_member("json", body.text, headers, "application/json")
    else:
        encoded = _text_member("text", body, headers, "text/plain; charset=utf-8")
    members = b'"status":%d,"headers":%s,%s' % (status, _json(headers), encoded)
    if len(members) > MOST_BYTES - _FRAME_BYTES:
        raise Unusable(_TOO_LARGE)
    return members


def encode(outcome, members, text, dropped, cpu_time, max_memory):
    """The whole answer.

    `members` are what `encode_reply` gave, or other members of the object, or empty. Of what was printed, `text`,
    it holds as much as there is room for; `dropped` is how many characters came before it.
    """
    head = b'{"outcome":"%s",%s"cpuTime":%s,"maxMemory":%d,"lines":' % (
        outcome.encode("ascii"),
        members + b"," if members else b"",
        repr(cpu_time).encode("ascii"),
        max_memory,
    )
    room = MOST_BYTES - len(head) - 1
    lines = _json(_lines(text, dropped))
    while len(lines) > room:
        cut = (len(text) + 1) // 2
        text, dropped = text[cut:], dropped + cut
        lines = _json(_lines(text, dropped))
    return b"".join((head, lines, b"}"))


def reason_member(sentence):
    """The member that says why a reply is unusable."""
    return b'"reason":' + _json(sentence)


def _lines(text, dropped):
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    if dropped:
        lines.insert(0, f"[truncated: {dropped} characters before this]")
    return lines


def _text_member(encoding, text, headers, content_type):
    if not isinstance(text, str):
        raise Unusable("the function returned a body that is neither text nor bytes")
    data = _utf8(text)
    if len(data) > MOST_BODY_BYTES:
        raise Unusable(_TOO_LARGE)
    escaped = _json(text)
    # Quotes, line breaks and the like take two bytes or more. Base64 has none.
    room = MOST_BYTES - _FRAME_BYTES - _LINES_BYTES - len(_json(headers))
    if len(escaped) > room and _base64_length(data) <= MOST_BODY_BYTES:
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(["content-type", content_type])
        return _base64_member(data)
    return b'"encoding":"%s","body":%s' % (encoding.encode("ascii"), escaped)


def _base64_member(data):
    if _base64_length(data) > MOST_BODY_BYTES:
        raise Unusable(_TOO_LARGE)
    return b'"encoding":"base64","body":"%s"' % base64.b64encode(data)


def _base64_length(data):
    return (memoryview(data).nbytes + 2) // 3 * 4


def _checked(text):
    if not isinstance(text, str):
        raise Unusable("the function returned a header that is not text")
    _utf8(text)
    return text


def _utf8(text):
    try:
        return str.encode(text, "utf-8")
    except UnicodeEncodeError:
        raise Unusable("the function returned text that UTF-8 can't carry: a lone surrogate") from None


def _json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
