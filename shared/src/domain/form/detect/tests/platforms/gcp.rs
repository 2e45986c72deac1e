//! Handlers that the packages of a platform mark: gcp.

use super::super::check;

#[test]
fn sources_are_recognized() {
    check(&[
        (
            "gcp hello_http",
            r#"
import functions_framework

@functions_framework.http
def hello_http(request):
    request_json = request.get_json(silent=True)
    if request_json and "name" in request_json:
        return f"Hello {request_json['name']}!"
    return "Hello World!"
"#,
        ),
        (
            "gcp hello",
            r#"
import flask
import functions_framework as ff

@ff.http
def hello(request: flask.Request) -> flask.typing.ResponseReturnValue:
    return flask.jsonify(path=request.path), 201, {"x-by": "ff"}
"#,
        ),
        (
            "gcp greet",
            r#"
from functions_framework import http as web, errorhandler

@errorhandler(ZeroDivisionError)
def on_error(error):
    return "no", 418

@web
def greet(request):
    return "hi"
"#,
        ),
        (
            "gcp typed",
            r#"
import functions_framework
from dataclasses import dataclass

@dataclass
class Order:
    id: int

    @staticmethod
    def from_dict(value):
        return Order(value["id"])

@functions_framework.typed(Order)
def typed(order):
    return {"id": order.id}
"#,
        ),
        (
            "gcp on_upload",
            r#"
import functions_framework

@functions_framework.cloud_event
def on_upload(cloud_event):
    print(cloud_event["id"], cloud_event.data["bucket"])
"#,
        ),
        (
            // Only one of the two answers requests.
            "gcp status",
            r#"
import functions_framework

@functions_framework.cloud_event
def on_message(cloud_event):
    print(cloud_event.data)

@functions_framework.http
def status(request):
    return "ok"
"#,
        ),
        (
            "gcp hello_async",
            r#"
import functions_framework.aio

@functions_framework.aio.http
async def hello_async(request):
    return "async"
"#,
        ),
        (
            "gcp hello",
            r#"
from firebase_functions import https_fn
from firebase_admin import initialize_app

initialize_app()

@https_fn.on_request()
def hello(req: https_fn.Request) -> https_fn.Response:
    return https_fn.Response("Hello")
"#,
        ),
        (
            // The framework may be started with a function that isn't decorated.
            "gcp hello_get",
            r#"
def hello_get(request):
    request_args = request.args
    name = request_args["name"] if request_args and "name" in request_args else "World"
    return "Hello {}!".format(name)
"#,
        ),
        ("gcp hello", "import functions_framework\n\ndef hello(request):\n    return 'x'\n"),
        (
            "gcp parse_form",
            r#"
from flask import escape, Request

def parse_form(request: Request):
    return escape(helper(request))

def helper(request):
    return request.form["name"]
"#,
        ),
        (
            "gcp main",
            r#"
def main(request):
    data = request.get_json()
    return {"got": data}
"#,
        ),
        ("gcp handler", "def handler(request):\n    return request.values.get('q', ''), 200\n"),
        (
            "gcp hello_gcs",
            r#"
def hello_gcs(event, context):
    print(f"Event ID: {context.event_id}")
    print(f"File: {event['name']} in {event['bucket']}")
"#,
        ),
        (
            "gcp hello_pubsub",
            r#"
import base64

def hello_pubsub(event, context):
    print(base64.b64decode(event["data"]).decode("utf-8"))
"#,
        ),
    ]);
}
