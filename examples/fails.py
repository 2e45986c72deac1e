"""Fails on purpose, in the way that ?how= asks for, to see what the log says of it.

    curl "http://localhost:8000/invoke/$WS/$FN?how=raise"

how: raise (unless said), exit, timeout, memory, not-json, status.
"""

import os
import time


def handler(event, context):
    how = event["query"].get("how", "raise")
    # Lines that were printed before a failure are in the log all the same.
    print(f"about to fail: {how}")

    if how == "raise":
        # The log has the exception's type and words, and the line it comes from.
        raise RuntimeError("as you asked")
    if how == "exit":
        # The process ends without an answer; the log says that it ended.
        os._exit(3)
    if how == "timeout":
        # Longer than any timeout: the log says that the time was up.
        time.sleep(1000)
    if how == "memory":
        # Grows past the function's memory: the log has a MemoryError, or that the process ended.
        hoard = []
        while True:
            hoard.append(bytearray(10_000_000))
    if how == "not-json":
        # A set has no form in JSON: the log says that the answer can't be sent.
        return {"statusCode": 200, "body": {"a set": {1, 2, 3}}}
    if how == "status":
        # An answer like any other to Python, whose status tells the caller that it failed.
        return {"statusCode": 503, "body": {"error": "come back later"}}
    return {"statusCode": 400, "body": {"error": f"there is no way to fail called {how}"}}
