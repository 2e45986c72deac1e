//! Handlers that the packages of a platform mark: knative.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            "knative new",
            r#"
import logging

def new():
    return Function()

class Function:
    def __init__(self):
        self.count = 0

    async def handle(self, scope, receive, send):
        logging.info("request")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"OK"})

    def alive(self):
        return True, "alive"
"#,
        ),
        (
            "knative handle",
            r#"
async def handle(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"OK"})
"#,
        ),
        (
            "knative main",
            r#"
from parliament import Context
from flask import Request
import json

def main(context: Context):
    if "request" in context.keys():
        return json.dumps(dict(context.request.args)), 200
    return "{}", 200
"#,
        ),
        (
            "knative main",
            r#"
from parliament import Context, event

@event
def main(context: Context):
    return context.cloud_event.data
"#,
        ),
        ("knative main", "def main(context):\n    return context.request.method, 200\n"),
        (
            // The oldest template.
            "wsgi main",
            r#"
def main(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello"]
"#,
        ),
    ]);
}
