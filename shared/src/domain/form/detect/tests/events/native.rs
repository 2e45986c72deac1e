//! Handlers that are known by their parameters and what they read: native.

use super::super::check;

#[test]
fn sources_are_recognized() {
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
