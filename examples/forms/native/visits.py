"""Counts visits in a cookie, and answers each method in its own way."""

from urllib.parse import parse_qs


async def handler(event, context):
    if event["method"] == "DELETE":
        raise PermissionError("visits stay")
    if event["path"] == "/old":
        return {"statusCode": 308, "headers": {"Location": "/new?" + event["rawQuery"]}}
    cookies = dict(cookie.split("=", 1) for cookie in event["cookies"])
    visits = int(cookies.get("visits", 0)) + 1
    return {
        "statusCode": 200,
        "cookies": [f"visits={visits}; Path=/", "seen=yes"],
        "body": {"visits": visits, "tags": parse_qs(event["rawQuery"]).get("tag", [])},
    }
