"""Fails in the way that ?how= names, to show what is logged.

    curl "http://localhost:8000/invoke/$WS/$FN?how=raise"

how: raise (the default), exit, timeout, memory, not-json, status.
"""

import os
import time


def handler(event, context):
    how = event["query"].get("how", "raise")
    # Lines that were printed before a failure are logged.
    print(f"about to fail: {how}")

    if how == "raise":
        # The log has the traceback.
        raise RuntimeError("as you asked")
    if how == "exit":
        # The process ends without a response, which is logged.
        os._exit(3)
    if how == "timeout":
        # Longer than any timeout, which is logged.
        time.sleep(1000)
    if how == "memory":
        # Exceeds the function's memory: the log has a MemoryError, or that the process ended.
        hoard = []
        while True:
            hoard.append(bytearray(10_000_000))
    if how == "not-json":
        # A set is not JSON: the log says that the response can't be sent.
        return {"statusCode": 200, "body": {"a set": {1, 2, 3}}}
    if how == "status":
        # A regular response, whose status counts as an error.
        return {"statusCode": 503, "body": {"error": "come back later"}}
    return {"statusCode": 400, "body": {"error": f"there is no way to fail called {how}"}}
