"""Validates an order and returns its total. Problems are a 422; amounts are Decimal.

    curl http://localhost:8000/invoke/$WS/$FN -H 'Content-Type: application/json' -d '
      {"items": [{"sku": "TEA-01", "quantity": 2, "unitPrice": "4.50"}]}'

The function needs POST among its httpMethods. The environment variable CURRENCY is the currency; the
default is KRW.
"""

import os
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

CURRENCY = os.environ.get("CURRENCY", "KRW")
# The won has no fraction.
SMALLEST = Decimal("1") if CURRENCY == "KRW" else Decimal("0.01")
HIGHEST_PRICE = Decimal("1000000000")


def price_of(item):
    """The item's price, or None if it is invalid. Text keeps 4.50 exact; a float doesn't."""
    try:
        price = Decimal(str(item.get("unitPrice")))
    except InvalidOperation:
        return None
    return price if price.is_finite() and 0 <= price <= HIGHEST_PRICE else None


def problems_of(order):
    items = order.get("items") if isinstance(order, dict) else None
    if not isinstance(items, list) or not items:
        return ["items must be a list of at least one item"]
    problems = []
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            problems.append(f"item {number} must be an object")
            continue
        if not isinstance(item.get("sku"), str) or not item["sku"].strip():
            problems.append(f"item {number}: sku must be text")
        # In Python, True is an int.
        if type(item.get("quantity")) is not int or not 1 <= item["quantity"] <= 10_000:
            problems.append(f"item {number}: quantity must be a whole number from 1 to 10000")
        if price_of(item) is None:
            problems.append(f"item {number}: unitPrice must be a number from 0 to {HIGHEST_PRICE}")
    return problems


def handler(event, context):
    order = event["body"]
    problems = problems_of(order)
    if problems:
        print(f"refused: {len(problems)} problems")
        return {"statusCode": 422, "body": {"problems": problems}}

    lines = []
    total = Decimal(0)
    for item in order["items"]:
        amount = (price_of(item) * item["quantity"]).quantize(SMALLEST, ROUND_HALF_UP)
        total += amount
        lines.append({"sku": item["sku"], "quantity": item["quantity"], "amount": str(amount)})
    print(f"accepted: {len(lines)} items, {total} {CURRENCY}")
    return {
        "statusCode": 201,
        "body": {"items": lines, "total": str(total), "currency": CURRENCY},
    }
