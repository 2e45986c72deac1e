"""A shop with Flask."""

# packages: flask

from flask import Flask, abort, jsonify, make_response, redirect, request, url_for

app = Flask(__name__)


@app.get("/items")
def items():
    return jsonify(tags=request.args.getlist("tag"), visitor=request.cookies.get("visitor"))


@app.post("/items")
def add():
    answer = make_response(jsonify(request.get_json()), 201)
    answer.set_cookie("a", "1")
    answer.set_cookie("b", "2")
    return answer


@app.route("/picture", methods=["PUT"])
def picture():
    return request.get_data(), 200, {"Content-Type": "image/png"}


@app.get("/old")
def old():
    return redirect(url_for("items"))


@app.get("/error")
def error():
    abort(418)


@app.get("/<word>")
def word(word):
    return f"말: {word}"
