"""Checks the signature of a webhook over the body as it came."""

import hashlib
import hmac

SECRET = b"shared with the sender"


def handler(event, context):
    if event["method"] != "POST":
        return {"statusCode": 405, "headers": {"Allow": "POST"}, "body": "send a webhook"}
    expected = "sha256=" + hmac.new(SECRET, event["rawBody"], hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, event["headers"].get("x-hub-signature-256", "")):
        return {"statusCode": 401, "body": {"error": "the signature is wrong"}}
    print("from", event["sourceIp"] or "nowhere")
    return {"statusCode": 202, "body": {"받음": event["body"]}}
