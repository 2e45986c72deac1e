"""A request as PEP 3333 has it."""

import io
import sys


def environ(request):
    host, _, port = (request.header("host") or "localhost").rpartition(":")
    if not port.isdigit():
        host, port = request.header("host") or "localhost", "443"
    values = {
        "REQUEST_METHOD": request.method,
        # Text here is bytes that were decoded as Latin-1.
        "SCRIPT_NAME": _latin(request.prefix),
        "PATH_INFO": _latin(request.path),
        "QUERY_STRING": _latin(request.raw_query),
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.source_ip,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in request.header_dict().items():
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            values[key] = _latin(value)
        elif key != "CONTENT_LENGTH":
            values[f"HTTP_{key}"] = _latin(value)
    return values


def _latin(text):
    return text.encode("utf-8").decode("latin-1")
