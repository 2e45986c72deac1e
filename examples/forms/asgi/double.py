"""ASGI 2: called with the scope, then with `receive` and `send`. It has no lifespan."""


class Application:
    def __init__(self, scope):
        if scope["type"] != "http":
            raise ValueError("http only")
        self.scope = scope

    async def __call__(self, receive, send):
        message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": self.scope["method"].encode() + b" " + message["body"]})


application = Application
