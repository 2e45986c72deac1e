//! Handlers that the packages of a platform mark: spin.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            // The console's template.
            "spin IncomingHandler",
            r#"
from spin_sdk.http import IncomingHandler as BaseHandler, Request, Response

class IncomingHandler(BaseHandler):
    def handle_request(self, request: Request) -> Response:
        return Response(200, {"content-type": "text/plain"}, bytes("안녕하세요", "utf-8"))
"#,
        ),
        (
            "spin IncomingHandler",
            r#"
from spin_sdk import http
from spin_sdk.http import Request, Response

class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        return Response(200, {"content-type": "text/plain"}, request.body)
"#,
        ),
        (
            "spin HttpHandler",
            r#"
from spin_sdk import http
from spin_sdk.http import Request, Response, send

class HttpHandler(http.Handler):
    async def handle_request(self, request: Request) -> Response:
        return await send(Request("GET", "https://example.com", {}, None))
"#,
        ),
        (
            "spin IncomingHandler",
            r#"
import spin_sdk.http

class IncomingHandler(spin_sdk.http.IncomingHandler):
    def handle_request(self, request):
        return spin_sdk.http.Response(204, {}, b"")
"#,
        ),
        (
            // The preview of the second SDK.
            "spin IncomingHandler",
            r#"
from spin_sdk.http import simple
from spin_sdk.http.simple import Request, Response

class IncomingHandler(simple.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        return Response(200, {}, b"ok")
"#,
        ),
        (
            "spin IncomingHandler",
            r#"
from math import *
from spin_sdk.http import *

class IncomingHandler(IncomingHandler):
    def handle_request(self, request):
        return Response(200, {}, b"ok")
"#,
        ),
        (
            "spin IncomingHandler",
            r#"
try:
    from spin_sdk.http import IncomingHandler as Base, Response
except ImportError:
    class Base:
        pass
    Response = None

class Shared(Base):
    def answer(self, text):
        return Response(200, {}, text.encode())

class IncomingHandler(Shared):
    def handle_request(self, request):
        return self.answer(request.uri)
"#,
        ),
        (
            "spin IncomingHandler",
            r#"
import json
from spin_sdk import http, key_value, variables
from spin_sdk.http import Request, Response

class Json(http.IncomingHandler):
    def answer(self, value):
        return Response(200, {}, json.dumps(value).encode())

class IncomingHandler(Json, http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        return self.answer({"name": variables.get("name")})
"#,
        ),
        (
            "spin handle_request",
            r#"
from spin_http import Response

def handle_request(request):
    return Response(200, {"content-type": "text/plain"}, bytes("hello", "utf-8"))
"#,
        ),
        (
            "spin handle_request",
            r#"
import sys

def answer(request):
    return Response(200, {}, b"x")

try:
    from spin_http import Response
except ImportError:
    handle_request = None
else:
    handle_request = answer
"#,
        ),
        (
            "spin IncomingHandler",
            "from answers import Base\n\nclass IncomingHandler(Base):\n    def handle_request(self, request):\n        return self.answer(request)\n",
        ),
        (
            "spin init_incoming_handler",
            r#"
class Handler:
    def handle_request(self, request):
        from spin_sdk.http import Response
        return Response(200, {}, b"made by a factory")

def init_incoming_handler():
    return Handler()
"#,
        ),
    ]);
}
