"""Returns what python3-flask would pass to Flask."""

import json


def handle(req):
    words = json.loads(req)
    if not isinstance(words, list):
        return {"error": "a list, please"}, 400
    return {"count": len(words), "first": words[0]}
