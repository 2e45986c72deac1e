"""An instance over ASGI, made by `new`."""

from urllib.parse import parse_qs


def new():
    return Function()


class Function:
    def __init__(self):
        self.ready_now = False

    def start(self, cfg):
        self.ready_now = "PATH" in cfg

    def ready(self):
        return self.ready_now, "준비"

    async def handle(self, scope, receive, send):
        body = (await receive())["body"]
        if scope["method"] == "DELETE":
            raise ValueError("broken")
        if scope["path"] == "/old":
            headers = [[b"location", b"/new"], [b"set-cookie", b"a=1"], [b"set-cookie", b"b=2"]]
            await send({"type": "http.response.start", "status": 301, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        words = parse_qs(scope["query_string"].decode()).get("k", [])
        cookie = dict(scope["headers"]).get(b"cookie", b"")
        await send({"type": "http.response.start", "status": 200, "headers": [[b"content-type", b"text/plain"]]})
        await send({"type": "http.response.body", "body": ",".join(words).encode() + cookie + body})
