"""`main()` in Flask's context."""

# packages: flask

from flask import abort, current_app, jsonify, make_response, redirect, request


def main():
    current_app.logger.info("called")
    if request.path == "/old":
        return redirect("/new", 301)
    if request.path == "/none":
        abort(404)
    if request.path == "/error":
        raise OSError("broken")
    if request.method == "POST":
        answer = make_response(jsonify(request.get_json()), 201)
        answer.headers.add("Set-Cookie", "a=1")
        answer.headers.add("Set-Cookie", "b=2")
        return answer
    return "값: " + ",".join(request.args.getlist("k")) + request.cookies.get("s", "")
