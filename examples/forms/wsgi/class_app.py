"""A WSGI application that is a class: an instance for each request."""

import sys


class application:
    def __init__(self, environ, start_response):
        self.environ = environ
        self.start = start_response

    def __iter__(self):
        try:
            if self.environ["REQUEST_METHOD"] == "DELETE":
                raise PermissionError
            self.start("200 OK", [("Content-Type", "text/plain")])
        except PermissionError:
            self.start("403 Forbidden", [("Content-Type", "text/plain")], sys.exc_info())
            yield b"no"
            return
        yield self.environ["HTTP_X_NAME"].encode("latin-1")

    def close(self):
        print("closed", file=self.environ["wsgi.errors"])
