//! Handlers that are known by their parameters and what they read: openfaas.

use super::super::check;

#[test]
fn sources_are_recognized() {
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
