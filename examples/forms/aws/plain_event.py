"""Called with its own event, not with a request's: it reads plain keys."""

from decimal import Decimal


def lambda_handler(event, context):
    total = sum(item["price"] * item["count"] for item in event["items"])
    if total < 0:
        raise ValueError("a negative total")
    return {"customer": event.get("customer", "누구"), "total": Decimal(total)}
