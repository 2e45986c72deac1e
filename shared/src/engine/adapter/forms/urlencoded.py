"""Reads `application/x-www-form-urlencoded`, the format of queries."""

from ..request import Request


def pairs(text):
    """Names and values in order, decoded, as those of a query."""
    return Request({"method": "POST", "path": "/", "rawQuery": text}, None).query_pairs()
