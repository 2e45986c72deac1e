"""The request that an execution answers."""

import base64
import json
import re
import sys

# What a path may hold as it is, by RFC 3986.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Python 3.11 crashes on deeper JSON, where a function has raised the limit of recursion.
_SAFE_RECURSION = 10_000


class Request:
    """A request as it came. Made from the event, and not changed afterwards.

    `headers` are pairs of a lower-case name and a value, in the order in which they came; a name may come twice.
    `path` is decoded, and begins with `/`. `prefix` is what the URL has before it. `context` is Lambda's.
    """

    def __init__(self, event, context):
        self.method = event["method"]
        self.path = event["path"]
        self.prefix = event.get("prefix", "")
        self.raw_query = event.get("rawQuery", "")
        self.headers = [(name, value) for name, value in event.get("headers", ())]
        self.cookies = list(event.get("cookies", ()))
        self.source_ip = event.get("sourceIp", "")
        self.execution_id = event.get("executionId", "")
        self.context = context
        body = event.get("body", "")
        self.body = base64.b64decode(body) if event.get("isBase64") else body.encode("utf-8")

    def header(self, name):
        """The value of a header, or None. Several values are joined with `, `, cookies with `; `."""
        name = name.lower()
        values = [value for each, value in self.headers if each == name]
        if not values:
            return None
        return ("; " if name == "cookie" else ", ").join(values)

    def header_dict(self):
        """The headers by lower-case name. Several values are joined with `,`, cookies with `; `."""
        joined = {}
        for name, value in self.headers:
            if name in joined:
                value = joined[name] + ("; " if name == "cookie" else ",") + value
            joined[name] = value
        return joined

    def query_pairs(self):
        """Names and values of the query in order, decoded. A name may come twice, a value may be empty."""
        pairs = []
        for part in self.raw_query.split("&"):
            if part:
                name, _, value = part.partition("=")
                pairs.append((_decoded(name), _decoded(value)))
        return pairs

    def text(self):
        """The body as text, without a byte order mark; None if it is not UTF-8."""
        try:
            return self.body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8")
        except UnicodeDecodeError:
            return None

    def json(self):
        """The value that the body holds as JSON.

        Raises ValueError if the body is not JSON by RFC 8259 in UTF-8; a byte order mark before it is passed over.
        It also does so for what Python can't hold: an integer of more than 4,300 digits, or a nesting near the
        limit of recursion (about 990 levels on Python 3.11). A number beyond the range of a float, 1e309, is
        infinity.
        """
        text = self.text()
        if text is None:
            raise ValueError("the body is not UTF-8")
        limit = sys.getrecursionlimit()
        if limit > _SAFE_RECURSION:
            sys.setrecursionlimit(_SAFE_RECURSION)
        try:
            return _JSON.decode(text)
        except RecursionError:
            raise ValueError("the body is nested too deeply") from None
        finally:
            if limit > _SAFE_RECURSION:
                sys.setrecursionlimit(limit)

    @property
    def url(self):
        """The request's whole URL."""
        host = self.header("host") or "localhost"
        path = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in self.path.encode("utf-8"))
        query = "?" + self.raw_query if self.raw_query else ""
        return f"https://{host}{self.prefix}{path}{query}"


def _decoded(text):
    """A part of a query without its escapes. `urllib.parse` would take longer to import than to run."""
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes.fromhex(match[1].decode("ascii")), text.encode("utf-8"))
    return data.decode("utf-8", "replace")


def _refuse(constant):
    raise ValueError(f"{constant} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse)
