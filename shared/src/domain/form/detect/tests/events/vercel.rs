//! Handlers that are known by their parameters and what they read: vercel.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            "vercel handler",
            r#"
from http.server import BaseHTTPRequestHandler

class handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hi")
"#,
        ),
        (
            "vercel handler",
            "from http.server import BaseHTTPRequestHandler as Base\nfrom os import path\n\nclass handler(Base):\n    pass\n",
        ),
        (
            "vercel handler",
            "import http.server as server\n\nclass handler(server.SimpleHTTPRequestHandler):\n    pass\n",
        ),
        (
            "vercel Handler",
            r#"
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(204)

if __name__ == "__main__":
    http.server.HTTPServer(("", 8000), Handler).serve_forever()
"#,
        ),
        (
            "vercel Hello",
            "from http.server import BaseHTTPRequestHandler\n\nclass Hello(BaseHTTPRequestHandler):\n    pass\n",
        ),
    ]);
}
