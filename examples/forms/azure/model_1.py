"""Model 1: `main(req)`."""

import json
import logging

import azure.functions as func


def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.info("called as %s", context.invocation_id)
    if req.method == "DELETE":
        raise PermissionError("no")
    if req.params.get("to"):
        return func.HttpResponse(status_code=302, headers={"Location": req.params["to"]})
    if req.method == "PUT":
        return func.HttpResponse(req.get_body(), mimetype=req.headers["Content-Type"])
    try:
        name = req.get_json().get("name")
    except ValueError:
        return "본문이 JSON이 아님"
    return func.HttpResponse(json.dumps({"name": name, "k": req.params.get("k"), "cookie": req.headers.get("Cookie")}), mimetype="application/json", status_code=201)
