"""python3-http: `event` and `context` with attributes."""

import json


def handle(event, context):
    if event.method == "POST":
        item = json.loads(event.body)
        return {"statusCode": 201, "body": {"stored": item, "host": bool(context.hostname)}, "headers": {"X-Path": event.path}}
    if event.path == "/old":
        return {"statusCode": 301, "headers": {"Location": "/new"}}
    if event.path == "/query":
        return {"body": json.dumps([event.query.get("k"), event.query.getlist("k"), event.headers.get("Cookie")])}
    if event.path == "/cookies":
        return {"statusCode": 200, "body": "ok", "headers": [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]}
    if event.method == "PUT":
        return event.body, 202, {"Content-Type": event.headers["Content-Type"]}
    raise RuntimeError("no such path")
