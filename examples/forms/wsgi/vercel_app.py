"""A bare WSGI `app`."""


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return ["안녕 ".encode() + environ["wsgi.input"].read()]
