//! Handlers that are known by their parameters and what they read.

use super::check;

#[test]
fn native() {
    check(&[
        ("native handler", "def handler(event, context):\n    return {'statusCode': 200}\n"),
        (
            "native handler",
            r#"
def handler(event, context):
    name = event["query"].get("name", "world")
    print(f"{event['method']} {event['path']}: {name}")
    return {"statusCode": 200, "body": {"message": f"Hello, {name}!"}}
"#,
        ),
        (
            "native handler",
            r#"
import hashlib, hmac, os

def handler(event, context):
    digest = hmac.new(os.environ["SECRET"].encode(), event["rawBody"], hashlib.sha256)
    return {"statusCode": 200 if digest.hexdigest() == event["headers"]["x-sig"] else 401}
"#,
        ),
        ("native handler", "async def handler(event, context=None):\n    return event['body']\n"),
        ("native handler", "def handler(*args):\n    return args[0]['body']\n"),
        ("native handler", "handler = lambda event, context: {'statusCode': 204}\n"),
        (
            "native handler",
            "def handler(event, context, *, retries=3):\n    return event['sourceIp']\n",
        ),
        (
            "native handler",
            "import functools\n\ndef work(db, event, context):\n    return 1\n\nhandler = functools.partial(work, {})\n",
        ),
        (
            "native handler",
            r#"
def logged(function):
    def inner(event, context):
        return function(event, context)
    return inner

@logged
def handler(event, context):
    return event["user"]
"#,
        ),
        (
            "native handler",
            "class Api:\n    def __call__(self, event, context):\n        return event['path']\n\nhandler = Api()\n",
        ),
        (
            "native handler",
            "class Api:\n    def run(self, event, context):\n        return 1\n\nhandler = Api().run\n",
        ),
        ("native handler", "from orders import handler\n"),
        (
            // What the JSON body holds: AWS's body would be text.
            "native handler",
            r#"
import boto3

def handler(event, context):
    order = event.get("body") or {}
    boto3.client("sqs").send_message(QueueUrl="q", MessageBody=order["sku"])
    return {"statusCode": 202}
"#,
        ),
        (
            "native handler",
            r#"
import json

def handler(event, context):
    body = event["body"]
    if isinstance(body, str):
        body = json.loads(body)
    return {"statusCode": 200, "body": body["name"]}
"#,
        ),
        (
            // Keys that it sets itself.
            "native handler",
            "def handler(event, context):\n    event['user'] = 'me'\n    return event['user']\n",
        ),
        (
            "native handler",
            r#"
def handler(event, context):
    match event["method"]:
        case "GET":
            return "got"
        case "POST":
            return event["body"]
    return {"statusCode": 405}
"#,
        ),
        (
            "native handler",
            r#"
def route(event):
    return event["method"], event["path"]

def handler(event, context):
    return route(event)
"#,
        ),
        (
            // It makes do without AWS's key.
            "native handler",
            "def handler(event, context):\n    return event.get('httpMethod') or event['method']\n",
        ),
        (
            "native handler",
            r#"
def handler(event, context):
    if "httpMethod" in event:
        method = event["httpMethod"]
    else:
        method = event["method"]
    return method
"#,
        ),
        (
            // It fails when it is called, and says why.
            "native handler",
            "def handler():\n    return 'x'\n",
        ),
        (
            "native handler",
            "if __name__ != '__main__':\n    def handler(event, context):\n        return event['query']\n",
        ),
        // Nothing to be found.
        ("native -", ""),
        ("native -", "print('hello')\n"),
        ("native -", "def greet(name):\n    return name\n"),
        ("native -", "class Shop:\n    def handler(self, event, context):\n        return 1\n"),
        (
            "native -",
            "def outer():\n    def handler(event, context):\n        return 1\n    return handler\n",
        ),
        ("native -", "import logging\nhandler = logging.StreamHandler()\n"),
        (
            // A comment and texts that name platforms.
            "native handler",
            r#"
# import azure.functions as func
"""from spin_sdk.http import IncomingHandler; lambda_handler; app = Flask(__name__)"""

def handler(event, context):
    text = "import boto3; event['httpMethod']"
    return f"functions_framework.http {text}"
"#,
        ),
        (
            "native handler",
            r#"
import logging
import sys
from logging.handlers import RotatingFileHandler

log_handler = logging.StreamHandler(sys.stdout)
logging.getLogger().addHandler(log_handler)

def main():
    pass

def handler(event, context):
    main()
    return event["rawQuery"]
"#,
        ),
    ]);
}

#[test]
fn aws() {
    check(&[
        (
            "aws lambda_handler",
            "import json\n\ndef lambda_handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps('Hello')}\n",
        ),
        ("aws lambda_handler", "async def lambda_handler(event, _):\n    return event['key1']\n"),
        ("aws lambda_handler", "from shop.api import lambda_handler\n"),
        (
            "aws lambda_handler",
            "import logging\nhandler = logging.StreamHandler()\nlambda_handler = lambda event, context: 'ok'\n",
        ),
        (
            "aws handler",
            r#"
import json

def handler(event, context):
    if event["httpMethod"] == "GET":
        name = (event.get("queryStringParameters") or {}).get("name")
        return {"statusCode": 200, "body": json.dumps({"name": name})}
    return {"statusCode": 405}
"#,
        ),
        (
            "aws handler",
            "def handler(event, context):\n    return event['requestContext']['http']['method']\n",
        ),
        (
            "aws handler",
            r#"
import boto3
from botocore.exceptions import ClientError

table = boto3.resource("dynamodb").Table("t")

def handler(event, context):
    return {"statusCode": 200, "body": str(table.scan()["Count"])}
"#,
        ),
        (
            "aws handler",
            "import json\n\ndef handler(event, context):\n    body = json.loads(event['body'])\n    return {'statusCode': 200, 'body': json.dumps(body['a'])}\n",
        ),
        (
            "aws handler",
            r#"
from json import loads

def handler(event, context):
    body = event.get("body", "{}")
    data = loads(body)
    return {"statusCode": 200, "body": data["name"]}
"#,
        ),
        (
            "aws handler",
            "def handler(event, context):\n    for record in event['Records']:\n        print(record['body'])\n",
        ),
        (
            // The names of the JSON body, as with a direct call.
            "aws handler",
            "def handler(event, context):\n    return event['x'] + event['y']\n",
        ),
        (
            "aws handler",
            r#"
def method_of(event):
    return event.get("requestContext", {}).get("http", {}).get("method")

def routed(context, given):
    return given["pathParameters"]["id"]

def handler(event, context):
    return method_of(event), routed(context, event)
"#,
        ),
        (
            "aws hello",
            "import json\n\ndef hello(event, context):\n    body = {'message': 'Go', 'input': event}\n    return {'statusCode': 200, 'body': json.dumps(body)}\n",
        ),
        ("aws notify", "def notify(event, lambda_context):\n    return event['detail-type']\n"),
        (
            "aws main_handler",
            "def main_handler(event, context):\n    return {'statusCode': 200, 'body': event['queryString']}\n",
        ),
        ("aws app", "def app(event, context):\n    return {'statusCode': 200}\n"),
        (
            "aws main",
            "def main(event, context):\n    return {'statusCode': 200, 'body': event['rawPath']}\n",
        ),
        (
            // Scaleway's.
            "aws handle",
            "def handle(event, context):\n    return {'body': event['queryStringParameters'], 'statusCode': 200}\n",
        ),
        ("aws handle", "def handle(event, context):\n    return event['body']\n"),
        (
            // One function of a service whose others are its helpers.
            "aws create",
            r#"
import boto3

def _table(event, context):
    return boto3.resource("dynamodb").Table("t")

def check(event, context):
    return bool(event["pathParameters"])

def create(event, context):
    return check(event, context) and _table(event, context)

if __name__ == "__main__":
    create({}, None)
"#,
        ),
    ]);
}

#[test]
fn openwhisk() {
    check(&[
        (
            "openwhisk main",
            "def main(args):\n    name = args.get('name', 'stranger')\n    return {'greeting': 'Hello ' + name + '!'}\n",
        ),
        (
            "openwhisk main",
            "def main(params):\n    return {'headers': params['__ow_headers'], 'statusCode': 200}\n",
        ),
        ("openwhisk main", "def main(args):\n    return args\n"),
        ("openwhisk main", "def main(dict):\n    return {'body': 'x'}\n"),
        (
            "openwhisk main",
            r#"
def main(event, context):
    return {"body": {"event": event, "id": context.activation_id}}
"#,
        ),
        (
            "openwhisk main",
            "def main(event, context):\n    return {'body': event['http']['method']}\n",
        ),
        (
            "openwhisk main",
            "def main(event, context=None):\n    result = {'body': 'x'}\n    return result\n",
        ),
        ("openwhisk main", "def main():\n    return {'body': 'hello'}\n"),
        (
            // Tried out by hand at the end.
            "openwhisk main",
            r#"
import sys

def main(params):
    return dict(name=params.get("name"))

if __name__ == "__main__":
    print(main({"name": sys.argv[1]}))
"#,
        ),
        (
            "openwhisk main",
            "import logging\nhandler = logging.FileHandler('x')\n\ndef main(args):\n    return {'a': args['b']}\n",
        ),
        // Programs of the command line.
        ("native -", "def main():\n    print('x')\n\nif __name__ == '__main__':\n    main()\n"),
        (
            "native -",
            r#"
import argparse, sys

def main(argv=None):
    parser = argparse.ArgumentParser()
    args = parser.parse_args(argv)
    return 0 if args.verbose else 1

if __name__ == "__main__":
    sys.exit(main())
"#,
        ),
        (
            "native -",
            "def main(args):\n    print(args.url, args.path)\n    return 0\n\nmain(None)\n",
        ),
    ]);
}

#[test]
fn openfaas() {
    check(&[
        ("openfaas handle", "def handle(req):\n    return req\n"),
        (
            "openfaas handle",
            "import requests\n\ndef handle(req):\n    \"\"\"handle a request\"\"\"\n    return requests.get(req).text\n",
        ),
        (
            "openfaas handle",
            "def handle(event, context):\n    return {'statusCode': 200, 'body': 'Hello from OpenFaaS!'}\n",
        ),
        (
            "openfaas handle",
            r#"
import boto3

def handle(event, context):
    if event.method != "POST":
        return {"statusCode": 405}
    return {"statusCode": 200, "body": event.body.decode() + event.query["a"]}
"#,
        ),
        ("openfaas handler", "def handler(event, context):\n    return event.headers['Host']\n"),
    ]);
}

#[test]
fn fission() {
    check(&[
        ("fission main", "def main():\n    return 'Hello, world!'\n"),
        (
            "fission main",
            "from flask import request\n\ndef main():\n    return request.args.get('name', 'x')\n",
        ),
        (
            "fission main",
            "def main():\n    from flask import current_app, request\n    current_app.logger.info(request.path)\n    return 'ok', 201\n",
        ),
        (
            "fission main",
            "import flask\n\ndef helper():\n    return flask.request.json\n\ndef main():\n    return flask.jsonify(helper())\n",
        ),
        (
            "fission greet",
            "from flask import request\n\ndef name():\n    return request.form['name']\n\ndef greet():\n    return name(), request.host\n",
        ),
        (
            "fission main",
            "from fastapi import Request, Response\n\nasync def main(request: Request):\n    return Response(await request.body())\n",
        ),
    ]);
}

#[test]
fn appwrite() {
    check(&[
        (
            "appwrite main",
            r#"
from appwrite.client import Client
import os

def main(context):
    client = Client().set_key(context.req.headers["x-appwrite-key"])
    context.log("hi")
    if context.req.path == "/ping":
        return context.res.text("Pong")
    return context.res.json({"client": str(client)})
"#,
        ),
        ("appwrite main", "async def main(context):\n    return context.res.empty()\n"),
        (
            "appwrite main",
            "def answer(ctx):\n    return ctx.res.text(ctx.req.body)\n\ndef main(ctx):\n    return answer(ctx)\n",
        ),
        ("appwrite main", "def main(req, res):\n    return res.json({'payload': req.payload})\n"),
    ]);
}

#[test]
fn vercel() {
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
