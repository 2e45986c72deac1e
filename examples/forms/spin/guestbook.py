"""A guestbook that routes by the path of `request.uri`."""

import json
from urllib.parse import parse_qs, unquote, urlparse

from spin_sdk import http, key_value, variables
from spin_sdk.http import Request, Response

ENTRIES = []


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        url = urlparse(request.uri)
        if url.path == "/entries" and request.method == "POST":
            entry = json.loads(request.body)
            ENTRIES.append(entry)
            body = json.dumps({"count": len(ENTRIES), "name": entry["name"]}, ensure_ascii=False)
            return Response(201, {"content-type": "application/json"}, body.encode("utf-8"))
        if url.path == "/entries":
            tags = parse_qs(url.query).get("tag", [])
            return Response(200, {"content-type": "application/json"}, json.dumps({"tags": tags}).encode())
        if url.path == "/old":
            return Response(301, {"location": "/entries", "set-cookie": "seen=1; Path=/"}, None)
        if url.path == "/cookie":
            return Response(200, {"content-type": "text/plain"}, request.headers.get("cookie", "none"))
        if url.path == "/echo":
            return Response(200, {"content-type": request.headers["content-type"]}, request.body)
        if url.path == "/store":
            with key_value.open_default() as store:
                return Response(200, {}, store.get("x"))
        if url.path == "/home":
            return Response(200, {"content-type": "text/plain"}, bytes(variables.get("path")[:0] + "ok", "utf-8"))
        if unquote(request.headers["spin-path-info"]) == "/한":
            return Response(200, {"content-type": "text/plain"}, request.uri.encode())
        return Response(404, {}, b"")
