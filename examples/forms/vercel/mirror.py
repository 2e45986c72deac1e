"""Gives back what it is sent, bytes included."""

from http.server import BaseHTTPRequestHandler


class handler(BaseHTTPRequestHandler):
    def _mirror(self):
        length = int(self.headers.get("Content-Length", 0))
        self.send_response(200)
        self.send_header("Content-Type", self.headers.get("Content-Type", "text/plain"))
        self.send_header("X-Cookies", self.headers.get("Cookie", "none"))
        self.end_headers()
        self.wfile.write(self.rfile.read(length))

    do_POST = do_PUT = _mirror
