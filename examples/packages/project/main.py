"""What a shop has in stock: a project of several files."""

from formats import line
from stock.table import read


def handler(event, context):
    items = read("items.csv")
    name = event["path"].strip("/")
    if not name:
        return [line(item) for item in items]
    found = [item for item in items if item.name == name]
    if not found:
        return {"statusCode": 404, "body": {"error": f"there is no {name}"}}
    return line(found[0])
