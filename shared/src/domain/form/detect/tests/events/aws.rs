//! Handlers that are known by their parameters and what they read: aws.

use super::super::check;

#[test]
fn sources_are_recognized() {
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
