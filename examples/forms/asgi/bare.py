"""ASGI without a framework, with a lifespan."""

from urllib.parse import parse_qs

started = []


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        started.append("once")
        scope["state"]["word"] = "상태"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    path, body, more = scope["path"], b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = dict(scope["headers"])
    if path == "/error":
        raise RuntimeError("broken")
    if path == "/old":
        await send({"type": "http.response.start", "status": 307, "headers": [(b"location", b"/new"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]})
        await send({"type": "http.response.body"})
        return
    if path == "/echo":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", headers[b"content-type"])]})
        await send({"type": "http.response.body", "body": body})
        return
    words = parse_qs(scope["query_string"].decode()).get("k", [])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for part in (scope["method"], ",".join(words), headers.get(b"cookie", b"").decode(), scope["state"]["word"], str(len(started))):
        await send({"type": "http.response.body", "body": (part + ";").encode(), "more_body": True})
    await send({"type": "http.response.body", "body": path.encode()})
