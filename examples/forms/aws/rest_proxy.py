"""A REST API's proxy integration, as with payload 1.0."""

import json


def lambda_handler(event, context):
    method = event["httpMethod"]
    if event["path"] == "/old":
        return {"statusCode": 302, "headers": {"Location": "https://example.com/새"}, "body": ""}
    if event["path"] == "/login":
        return {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "body": "안녕"}
    body = json.loads(event["body"] or "{}")
    seen = {
        "method": method,
        "ip": event["requestContext"]["identity"]["sourceIp"],
        "cookie": event["headers"].get("Cookie"),
        "body": body,
        "query": event.get("queryStringParameters") or {},
    }
    json.dumps(event)
    return {"statusCode": 200, "body": json.dumps(seen, ensure_ascii=False)}
