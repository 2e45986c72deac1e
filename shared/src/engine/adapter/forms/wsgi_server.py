"""Calls a WSGI application, as PEP 3333 says."""

from ..reply import Reply
from .bodies import readable
from .environ import environ


def call(app, request):
    """The application's answer; what it raises goes on to the caller."""
    answer = _Answer()
    result = app(environ(request), answer.start)
    try:
        for data in result:
            answer.write(data)
    finally:
        if hasattr(result, "close"):
            result.close()
    return answer.reply()


class _Answer:
    def __init__(self):
        self._status = None
        self._headers = []
        self._data = []

    def start(self, status, headers, exc_info=None):
        if exc_info:
            try:
                # Nothing is sent before the end, but the application may
                # only take its word back as long as it wrote nothing.
                if self._data:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._status is not None:
            raise AssertionError("start_response was called twice, without exc_info")
        self._status = int(status.split(None, 1)[0])
        self._headers = [(name, _text(value)) for name, value in headers]
        return self.write

    def write(self, data):
        if self._status is None:
            raise AssertionError("the application sent data before it called start_response")
        if data:
            self._data.append(bytes(data))

    def reply(self):
        if self._status is None:
            raise AssertionError("the application didn't call start_response")
        return Reply(self._status, self._headers, readable(b"".join(self._data), self._headers))


def _text(value):
    # Latin-1 on the wire; where that is UTF-8 in truth, it is read as such.
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
