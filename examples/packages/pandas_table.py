# /// script
# dependencies = ["pandas"]
# ///
"""Statistics of the rows that are posted: `[{"city": "서울", "value": 21.5}, …]`."""

import json

import pandas


def handler(event, context):
    rows = event["body"]
    if not isinstance(rows, list) or not rows:
        return {"statusCode": 422, "body": {"error": "post a list of rows"}}
    table = pandas.DataFrame(rows)
    by = event["query"].get("by")
    if by is None:
        return json.loads(table.describe().to_json())
    if by not in table:
        return {"statusCode": 422, "body": {"error": f"there is no column {by}"}}
    return json.loads(table.groupby(by).mean(numeric_only=True).to_json())
