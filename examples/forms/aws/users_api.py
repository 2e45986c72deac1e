"""A small API behind HTTP API routes, dispatched by `routeKey`."""

import base64
import json

USERS = {"1": {"id": "1", "name": "민수"}}


def lambda_handler(event, context):
    route = event["routeKey"]
    if route == "GET /users/{id}":
        user = USERS.get(event["pathParameters"]["id"])
        if user is None:
            return {"statusCode": 404, "body": json.dumps({"message": "no such user"})}
        return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(user)}
    if route == "POST /users":
        user = json.loads(event["body"])
        return {
            "statusCode": "201",
            "headers": {"Location": f"/users/{user['id']}"},
            "cookies": ["last=" + user["id"], "theme=dark; Secure"],
        }
    if route == "GET /search":
        return {"q": event["queryStringParameters"].get("q"), "all": event["multiValueQueryStringParameters"]}
    if route == "PUT /picture":
        data = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
        return {
            "statusCode": 200,
            "headers": {"Content-Type": event["headers"]["Content-Type"]},
            "body": base64.b64encode(data[::-1]).decode(),
            "isBase64Encoded": True,
        }
    raise ValueError(f"no route {route} for {context.aws_request_id}")
