"""Vercel's class, on the standard library's server."""

import json
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlparse


class handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlparse(self.path)
        if url.path == "/old":
            self.send_response(308)
            self.send_header("Location", "/new")
            self.end_headers()
            return
        if url.path == "/error":
            raise RuntimeError("broken")
        self.send_response(200)
        self.send_header("Content-type", "application/json; charset=utf-8")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        seen = {"path": self.path, "k": parse_qs(url.query).get("k"), "cookie": self.headers.get("Cookie"), "ip": self.client_address[0]}
        self.wfile.write(json.dumps(seen).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Type", self.headers["Content-Type"])
        self.end_headers()
        self.wfile.write(body)
