"""Turns around what it is sent: bytes, text or JSON."""


def handler(event, context):
    if event["method"] == "OPTIONS":
        return {"statusCode": 204, "headers": {"X-Takes": "anything"}, "body": "never sent"}
    if event.get("isBase64Encoded"):
        return {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "body": event["rawBody"][::-1]}
    if isinstance(event["body"], str):
        return event["body"][::-1]
    return {"json": event["body"], "type": event["headers"].get("content-type")}
