"""Runs a user's handler, and gives back as data what came of it.

AWS Lambda calls `handle`. Whatever the user's code does, the answer is an
object with `outcome` (returned, raised, unloadable, unusable or memory), with `lines`
(what was printed) and, where the handler returned, with its reply. Time and
memory are watched by Lambda, outside of this process.
"""

import base64
import collections
import importlib
import json
import logging
import sys
import threading
import traceback

# The most characters of output that are kept, from the end: as much as a log
# holds. The rest is only counted, so that a function may print without limit.
KEPT_OUTPUT = 128 * 1024

# The most bytes of an answer: Lambda's limit is 6 MB, of which its own
# encoding takes a part.
MOST_BYTES = 5_900_000


class _Output:
    """What has been printed since the execution began, both streams in order."""

    def __init__(self):
        self._lock = threading.Lock()
        self.begin()

    def begin(self):
        with self._lock:
            self._pieces = collections.deque()
            self._kept = 0
            self._dropped = 0

    def add(self, text):
        if not text:
            return
        with self._lock:
            if len(text) > KEPT_OUTPUT:
                self._dropped += len(text) - KEPT_OUTPUT
                text = text[-KEPT_OUTPUT:]
            self._pieces.append(text)
            self._kept += len(text)
            while self._kept - len(self._pieces[0]) >= KEPT_OUTPUT:
                gone = len(self._pieces.popleft())
                self._kept -= gone
                self._dropped += gone

    def lines(self):
        with self._lock:
            text, dropped = "".join(self._pieces), self._dropped
        lines = text.replace("\r\n", "\n").split("\n")
        if lines[-1] == "":
            lines.pop()
        if dropped:
            lines.insert(0, f"[truncated: {dropped} characters before this]")
        return lines


class _Bytes:
    """`sys.stdout.buffer`, for those who write bytes."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, data):
        data = bytes(data)
        self._stream.write(data.decode("utf-8", "replace"))
        return len(data)

    def flush(self):
        self._stream.flush()


class _Stream:
    """Standard output or error: kept for the log, and passed on to Lambda's own."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, passed_on, output):
        self._passed_on = passed_on
        self._output = output
        self.buffer = _Bytes(self)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        # A lone surrogate is no text that anything behind this could encode.
        clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
        self._output.add(clean)
        self._passed_on.write(clean)
        # Should the process be killed, this is all that is known of its end.
        self._passed_on.flush()
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        self._passed_on.flush()

    def fileno(self):
        return self._passed_on.fileno()

    def isatty(self):
        return False

    def readable(self):
        return False

    def writable(self):
        return True


_output = _Output()
sys.stdout = _Stream(sys.stdout, _output)
sys.stderr = _Stream(sys.stderr, _output)
# Lambda's runtime puts a handler on the root logger, past standard output and
# in the way of logging.basicConfig. Without it, logging is as in any Python.
logging.getLogger().handlers.clear()


class _Unusable(Exception):
    """The handler returned what can't be passed on.

    The sentence is for its caller; the detail, which may quote what the
    function made up, is for the log.
    """

    def __init__(self, sentence, detail=""):
        super().__init__(sentence)
        self.detail = detail


def handle(event, context):
    """Lambda's entry: one execution."""
    _output.begin()
    outcome, reply = _run(event, context)
    return {"outcome": outcome, "lines": _output.lines(), **reply}


def _run(event, context):
    try:
        # Here and not at the top: what importing prints belongs into the log,
        # and what it raises too.
        handler = getattr(importlib.import_module("function"), "handler", None)
        if not callable(handler):
            print("there is no `def handler(event, context)` in the function", file=sys.stderr)
            return "unloadable", {}
    except BaseException as error:  # noqa: B902, sys.exit() while importing included
        _print_traceback(error, "importlib")
        return "unloadable", {}
    try:
        value = handler(event, context)
        # To look at what was returned may run the user's code as well.
        reply = _reply(value)
        if len(json.dumps(reply)) > MOST_BYTES:
            raise _Unusable("the function returned more than an answer can carry, 6 MB")
        return "returned", reply
    except _Unusable as unusable:
        print(unusable, unusable.detail, sep=": " if unusable.detail else "", file=sys.stderr)
        return "unusable", {"reason": str(unusable)}
    except MemoryError as error:
        _print_traceback(error, "/json/")
        return "memory", {}
    except BaseException as error:  # noqa: B902, sys.exit() included
        _print_traceback(error, "/json/")
        return "raised", {}


def _print_traceback(error, *hidden):
    """As Python would, without the frames of this file and of what it called to import."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename, hidden):
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


def _is_ours(name, hidden):
    return name == __file__ or any(part in name for part in hidden)


def _reply(value):
    """What the handler returned, as status, headers and body."""
    if not (isinstance(value, dict) and "statusCode" in value):
        return {"status": 200, "headers": [], **_body(value, False)}
    status = value["statusCode"]
    is_number = isinstance(status, int) and not isinstance(status, bool)
    if not is_number or not 200 <= status <= 599:
        raise _Unusable("the function returned a statusCode that is not a whole number from 200 to 599")
    body = {"encoding": "empty"}
    if "body" in value:
        body = _body(value["body"], value.get("isBase64Encoded") is True)
    return {"status": int(status), "headers": _headers(value.get("headers")), **body}


def _headers(headers):
    if headers is None:
        return []
    if not isinstance(headers, dict):
        raise _Unusable("the function returned headers that are not a dict")
    pairs = []
    for name, values in headers.items():
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if not isinstance(name, str) or not isinstance(value, (str, int, float)):
                raise _Unusable("the function returned a header that is not text")
            pairs.append([_encodable(name), _encodable(str(value))])
    return pairs


def _body(body, is_base64):
    if isinstance(body, (bytes, bytearray, memoryview)):
        return {"encoding": "base64", "body": base64.b64encode(body).decode("ascii")}
    if isinstance(body, str):
        return {"encoding": "base64" if is_base64 else "text", "body": _encodable(body)}
    try:
        # As text, so that every digit arrives, and checked here: Lambda's own
        # encoder lets NaN through, which is no JSON.
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise _Unusable("the function returned a value that is not JSON", _one_line(error)) from None
    return {"encoding": "json", "body": _encodable(text)}


def _encodable(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _Unusable("the function returned text that UTF-8 can't carry: a lone surrogate") from None
    return text


def _one_line(error):
    return " ".join(str(error).split())[:200]
