"""WSGI without a framework."""

from urllib.parse import parse_qs


def application(environ, start_response):
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8")
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    if path == "/echo":
        start_response("200 OK", [("Content-Type", environ["CONTENT_TYPE"])])
        return [body]
    if path == "/query":
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [",".join(parse_qs(environ["QUERY_STRING"])["k"]).encode()]
    if path == "/가":
        write = start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        write(b"by write, ")
        return (part for part in [environ["SCRIPT_NAME"].encode(), " 나".encode()])
    if path == "/cookie":
        start_response("302 Found", [("Location", environ["SCRIPT_NAME"] + "/"), ("X-Cookie", environ["HTTP_COOKIE"])])
        return []
    if path == "/error":
        raise KeyError("broken")
    start_response("404 Not Found", [])
    return [b""]
