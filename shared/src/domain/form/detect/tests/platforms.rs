//! Handlers that a platform's own package marks.

use super::check;

#[test]
fn spin() {
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

#[test]
fn gcp() {
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

#[test]
fn azure() {
    check(&[
        (
            "azure main",
            r#"
import logging
import azure.functions as func

def main(req: func.HttpRequest) -> func.HttpResponse:
    name = req.params.get("name")
    if not name:
        try:
            name = req.get_json().get("name")
        except ValueError:
            pass
    return func.HttpResponse(f"Hello, {name}.")
"#,
        ),
        (
            "azure app",
            r#"
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="hello")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("hello")

@app.function_name(name="timer")
@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
def main(timer: func.TimerRequest) -> None:
    print("tick")
"#,
        ),
        (
            "azure app",
            r#"
from azure import functions
from blueprint_one import bp

app = functions.FunctionApp()
app.register_functions(bp)
"#,
        ),
        (
            "azure bp",
            r#"
import azure.functions as func

bp = func.Blueprint()

@bp.route(route="items/{id}", methods=["GET"])
async def item(req: func.HttpRequest):
    return func.HttpResponse(req.route_params["id"])
"#,
        ),
        (
            "azure app",
            r#"
import azure.functions as func
from fastapi import FastAPI

fastapi_app = FastAPI()

@fastapi_app.get("/hello")
async def hello():
    return {"hello": "world"}

app = func.AsgiFunctionApp(app=fastapi_app, http_auth_level=func.AuthLevel.ANONYMOUS)
"#,
        ),
        (
            "azure main",
            r#"
import azure.functions as func
from flask import Flask

flask_app = Flask(__name__)

@flask_app.get("/")
def index():
    return "hi"

main = func.WsgiMiddleware(flask_app.wsgi_app).main
"#,
        ),
        (
            "azure main",
            r#"
import azure.functions as func
from FastapiApp import app

async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await func.AsgiMiddleware(app).handle_async(req, context)
"#,
        ),
        (
            "azure my_app",
            r#"
import azure.functions as func
import azure.durable_functions as df

my_app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@my_app.route(route="orchestrators/{name}")
@my_app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client):
    return client.create_check_status_response(req, await client.start_new("x"))
"#,
        ),
        (
            // Without types, as the oldest examples are.
            "azure main",
            "def main(req):\n    user = req.params.get('user')\n    return f'Hello, {user}!'\n",
        ),
        ("azure main", "def main(req):\n    return req.get_body().decode().upper()\n"),
        (
            "azure run",
            r#"
import azure.functions as func

def run(request: func.HttpRequest):
    return func.HttpResponse(request.method)
"#,
        ),
    ]);
}

#[test]
fn adapters_of_aws() {
    check(&[
        (
            "aws handler",
            r#"
from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()

@app.get("/")
def root():
    return {"message": "hi"}

handler = Mangum(app, lifespan="off")
"#,
        ),
        (
            "aws handler",
            r#"
import mangum
from starlette.applications import Starlette

application = Starlette()
asgi = mangum.Mangum(application)
handler = mangum.Mangum(application)
"#,
        ),
        (
            "aws lambda_handler",
            r#"
from apig_wsgi import make_lambda_handler
from mysite.wsgi import application

lambda_handler = make_lambda_handler(application, binary_support=True)
"#,
        ),
        (
            "aws handler",
            r#"
import serverless_wsgi
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    return "hi"

def handler(event, context):
    return serverless_wsgi.handle_request(app, event, context)
"#,
        ),
        (
            "aws handler",
            r#"
from fastapi import FastAPI

app = FastAPI()

def handler(event, context):
    from mangum import Mangum
    return Mangum(app)(event, context)
"#,
        ),
        (
            "aws app",
            r#"
from chalice import Chalice

app = Chalice(app_name="helloworld")

@app.route("/")
def index():
    return {"hello": "world"}
"#,
        ),
        (
            "aws lambda_handler",
            r#"
from ask_sdk_core.skill_builder import SkillBuilder

sb = SkillBuilder()

@sb.request_handler(can_handle_func=lambda given: True)
def launch(handler_input):
    return handler_input.response_builder.speak("hi").response

lambda_handler = sb.lambda_handler()
"#,
        ),
        (
            "aws lambda_handler",
            r#"
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

tracer, logger = Tracer(), Logger()
app = APIGatewayHttpResolver()

@app.get("/todos")
def todos():
    return {"todos": []}

@logger.inject_lambda_context
@tracer.capture_lambda_handler
def lambda_handler(event, context):
    return app.resolve(event, context)
"#,
        ),
        (
            "aws handler",
            r#"
from aws_lambda_powertools.utilities.data_classes import event_source, APIGatewayProxyEventV2

@event_source(data_class=APIGatewayProxyEventV2)
def handler(event: APIGatewayProxyEventV2, context):
    return {"statusCode": 200, "body": event.body}
"#,
        ),
    ]);
}

#[test]
fn nuclio() {
    check(&[
        (
            "nuclio handler",
            r#"
import nuclio_sdk

def handler(context: nuclio_sdk.Context, event: nuclio_sdk.Event):
    context.logger.info_with("Invoked", method=event.method)
    return "Hello"
"#,
        ),
        (
            "nuclio handler",
            r#"
def init_context(context):
    setattr(context.user_data, "model", object())

def handler(context, event):
    body = event.body
    return context.Response(body=body, headers={}, content_type="text/plain", status_code=200)
"#,
        ),
        ("nuclio handler", "async def handler(context, event):\n    return 'ok'\n"),
        (
            "nuclio encrypt",
            r#"
import nuclio_sdk
import os

def helper(context, key):
    return key

def encrypt(context, event):
    return helper(context, event.body)
"#,
        ),
        ("nuclio predict", "def predict(context, event):\n    return event.body.decode()[::-1]\n"),
    ]);
}

#[test]
fn knative() {
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
