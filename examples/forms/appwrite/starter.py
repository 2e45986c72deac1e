"""Appwrite's `context`, with each kind of answer."""


def main(context):
    req, res = context.req, context.res
    context.log("called", {"path": req.path})
    if req.path == "/ping":
        return res.text("퐁")
    if req.path == "/json":
        return res.json({"got": req.body, "query": req.query, "host": req.host, "port": req.port}, 201)
    if req.path == "/old":
        return res.redirect("https://appwrite.io", 302, {"set-cookie": "a=1"})
    if req.path == "/binary":
        return res.binary(req.body_binary[::-1], 200, {"content-type": "image/png"})
    if req.path == "/cookie":
        return res.send(req.headers["cookie"], 200, {"X-A": "b"})
    if req.method == "DELETE":
        return res.empty()
    context.error("no such path")
    raise LookupError(req.url)
