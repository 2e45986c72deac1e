"""A plain function over ASGI."""


async def handle(scope, receive, send):
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [[b"content-type", b"image/png"]]})
    await send({"type": "http.response.body", "body": body[::-1]})
