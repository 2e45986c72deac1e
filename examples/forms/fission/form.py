"""A form, and an entry point of another name."""

# packages: flask
# entryPoint: greet

from flask import request


def greet():
    return {"안녕": request.form["name"], "host": request.host}
