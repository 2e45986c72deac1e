"""An HTTP function, with an error handler."""

# packages: flask

import functions_framework
from flask import jsonify, make_response, redirect


@functions_framework.errorhandler(ZeroDivisionError)
def divided(error):
    return "0으로 나눔", 400


@functions_framework.http
def shop(request):
    if request.path == "/old":
        return redirect("/new")
    if request.path == "/zero":
        return str(1 / 0)
    if request.path == "/error":
        raise LookupError("broken")
    if request.method == "PUT":
        return request.get_data(), 200, {"Content-Type": "image/png"}
    if request.method == "POST":
        answer = make_response(jsonify(request.get_json(silent=True)), 201)
        answer.set_cookie("a", "1")
        return answer
    return {"k": request.args.getlist("k"), "cookie": request.cookies.get("s")}
