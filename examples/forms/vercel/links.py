"""Short links, with a redirect and each method in a method of its own."""

from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

LINKS = {"docs": "https://example.com/docs", "한": "https://example.com/ko"}


class handler(BaseHTTPRequestHandler):
    def do_GET(self):
        names = parse_qs(urlsplit(self.path).query).get("name", [])
        target = LINKS.get(names[-1]) if names else None
        if target is None:
            self.send_error(404, "no such link")
            return
        self.send_response(307)
        self.send_header("Location", target)
        self.send_header("Set-Cookie", "last=" + str(len(names)))
        self.end_headers()

    def do_DELETE(self):
        raise LookupError("links stay")
