//! Sources that fit several forms: those with an answer that people would expect, and those without.

use super::check;

#[test]
fn what_is_obvious_is_found() {
    check(&[
        (
            // The package of the platform decides.
            "spin IncomingHandler",
            r#"
from spin_sdk.http import IncomingHandler as Base, Response

class IncomingHandler(Base):
    def handle_request(self, request):
        return Response(200, {}, handler({"query": {}}, None))

def handler(event, context):
    return b"x"
"#,
        ),
        (
            "gcp hello",
            r#"
import functions_framework
from flask import Flask

app = Flask(__name__)

@functions_framework.http
def hello(request):
    return "x"
"#,
        ),
        (
            "native handler",
            r#"
class IncomingHandler:
    pass

def handle(req):
    return req

def main(args):
    return {"a": args["b"]}

def new():
    return 1

def handler(event, context):
    return handle(event["body"])
"#,
        ),
        (
            // An import without a handler of its platform says nothing.
            "native handler",
            r#"
try:
    import azure.functions as func
    from spin_sdk.http import Request
except ImportError:
    func = Request = None

def handler(event, context):
    return event["method"]
"#,
        ),
        (
            // The standard library alone: the function works today.
            "native handler",
            r#"
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]

def handler(event, context):
    return event["path"]
"#,
        ),
        (
            "native handler",
            r#"
from flask import Flask
from bridge import serve

app = Flask(__name__)

def handler(event, context):
    return serve(app, event["method"], event["path"])
"#,
        ),
        (
            // Spin's names without its package are no more than names.
            "native handler",
            r#"
class IncomingHandler:
    def handle_request(self, request):
        return request["path"]

def init_incoming_handler():
    return IncomingHandler()

def handler(event, context):
    return init_incoming_handler().handle_request(event)
"#,
        ),
        (
            // An adapter that isn't known.
            "aws handler",
            "from fastapi import FastAPI\nfrom bridge import Lambda\napp = FastAPI()\nhandler = Lambda(app)\n",
        ),
        (
            "aws handler",
            r#"
from flask import Flask
import bridge

app = Flask(__name__)

def handler(event, context):
    return bridge.call(app, event)
"#,
        ),
        (
            "wsgi app",
            r#"
from flask import Flask

app = Flask(__name__)

@app.errorhandler(404)
def handler(error, more=None):
    return "nothing here", 404
"#,
        ),
        (
            "wsgi app",
            "import logging\nfrom flask import Flask\nhandler = logging.StreamHandler()\napp = Flask(__name__)\napp.logger.addHandler(handler)\n",
        ),
        (
            "aws lambda_handler",
            r#"
from flask import Flask
import awsgi

app = Flask(__name__)

def lambda_handler(event, context):
    return awsgi.response(app, event, context)
"#,
        ),
        (
            "aws lambda_handler",
            "def handler(event, context):\n    return {'statusCode': 200}\n\ndef lambda_handler(event, context):\n    return handler(event, context)\n",
        ),
        (
            "aws lambda_handler",
            "def handler(event, context):\n    return event['method']\n\nlambda_handler = handler\n",
        ),
        (
            // The other is its helper.
            "openfaas handle",
            "def main(args):\n    return {'a': args['b']}\n\ndef handle(req):\n    return str(main({'b': req}))\n",
        ),
        (
            // The last definition is the one that is there.
            "aws handler",
            r#"
import os

if os.environ.get("OLD"):
    def handler(event, context):
        return event["method"]
else:
    def handler(event, context):
        return event["httpMethod"]
"#,
        ),
        (
            // `event_id` is of Google's context, whatever the name.
            "gcp main",
            "def main(event, context):\n    print(context.event_id, event['name'])\n",
        ),
        (
            // Native keys say which of the two is the event.
            "native handler",
            "def handler(context, event):\n    return context['rawQuery']\n",
        ),
    ]);
}

#[test]
fn what_is_left_open_names_the_candidates() {
    check(&[
        (
            "gcp create | gcp remove",
            r#"
import functions_framework

@functions_framework.http
def create(request):
    return "created"

@functions_framework.http
def remove(request):
    return "removed"
"#,
        ),
        (
            "gcp first | gcp second",
            "def first(request):\n    return request.args['a']\n\ndef second(request):\n    return request.form['a']\n",
        ),
        (
            "wsgi app | native handler",
            r#"
from flask import Flask

app = Flask(__name__)

def handler(event, context):
    return {"statusCode": 200, "body": event["query"]}
"#,
        ),
        (
            "asgi app | aws handler",
            r#"
from fastapi import FastAPI

app = FastAPI()

def handler(event, context):
    return {"statusCode": 200, "body": event["httpMethod"]}
"#,
        ),
        (
            "native handler | aws handler",
            "def handler(event, context):\n    return event['method'] + event['requestContext']['stage']\n",
        ),
        ("openwhisk main | gcp main", "def main(event, context):\n    print(event['name'])\n"),
        (
            "aws create | aws remove",
            r#"
def create(event, context):
    return {"statusCode": 201, "body": event["body"]}

def remove(event, context):
    return {"statusCode": 204, "body": event["pathParameters"]["id"]}
"#,
        ),
        (
            "native handler | aws lambda_handler",
            r#"
def handler(event, context):
    return event["query"]["a"]

def lambda_handler(event, context):
    return event["queryStringParameters"]["a"]
"#,
        ),
        (
            "wsgi app | asgi application",
            "from flask import Flask\nfrom fastapi import FastAPI\napp = Flask(__name__)\napplication = FastAPI()\n",
        ),
        (
            "asgi public | asgi private",
            "from fastapi import FastAPI\npublic = FastAPI()\nprivate = FastAPI()\n",
        ),
        (
            "gcp hello | aws handler",
            r#"
import functions_framework
from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()

@functions_framework.http
def hello(request):
    return "x"

handler = Mangum(app)
"#,
        ),
        (
            "spin One | spin Two",
            r#"
from spin_sdk.http import IncomingHandler as Base

class Common(Base):
    pass

class One(Common, Base):
    pass

class Two(Base):
    pass
"#,
        ),
        (
            "openwhisk main | openfaas handle",
            "def main(args):\n    return {'a': args['b']}\n\ndef handle(req):\n    return req\n",
        ),
        (
            "vercel One | vercel Two",
            "from http.server import BaseHTTPRequestHandler as B\n\nclass One(B):\n    pass\n\nclass Two(B):\n    pass\n",
        ),
    ]);
}

#[test]
fn no_more_than_ten_candidates_are_named() {
    let many: String = (0..50)
        .map(|i| format!("def f{i}(event, context):\n    return event['Records']\n"))
        .collect();
    assert_eq!(super::told(&many, None).matches('|').count(), 9);
}
