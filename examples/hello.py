"""Greets the name in the query.

    curl "http://localhost:8000/invoke/$WS/$FN?name=Ada"
"""


def handler(event, context):
    name = event["query"].get("name", "세계 🌏")
    print(f"{event['method']} {event['path']}: {name}")
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": {"message": f"안녕하세요, {name}!"},
    }
