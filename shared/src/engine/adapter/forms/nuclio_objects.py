"""The objects of Nuclio's SDK that functions use."""

import json
import sys


class Response:
    def __init__(self, headers=None, body=None, content_type=None, status_code=200, event_id=None):
        self.headers = headers or {}
        self.body = body
        self.status_code = status_code
        self.content_type = content_type or "text/plain"
        self.event_id = event_id


class Logger:
    """Writes lines as the platform shows them: message, then what was passed by name."""

    def __init__(self):
        self._bound = {}

    def bind(self, **named):
        self._bound.update(named)

    def _write(self, level, message, arguments, named):
        text = str(message) % arguments if arguments else str(message)
        named = {**named, **self._bound}
        if named:
            text += f" {json.dumps(named, ensure_ascii=False, default=repr)}"
        print(f"[{level}] {text}", file=sys.stderr)


def _method(level, with_names):
    # `info` takes arguments for the message, `info_with` names as well.
    def plain(self, message, *arguments):
        self._write(level, message, arguments, {})

    def named(self, message, *arguments, **names):
        self._write(level, message, arguments, names)

    return named if with_names else plain


for _level in ("debug", "info", "warn", "error"):
    setattr(Logger, _level, _method(_level, False))
    setattr(Logger, f"{_level}_with", _method(_level, True))


class _Platform:
    def call_function(self, *arguments, **named):
        raise RuntimeError("context.platform calls functions of a Nuclio server, which isn't there on this platform")


class Context:
    """One for the process: `user_data` stays from event to event."""

    def __init__(self):
        self.logger = Logger()
        # A function, because attributes can be set on it; the SDK has it so.
        self.user_data = lambda: None
        self.Response = Response
        self.platform = _Platform()
        self.worker_id = 0
        self.trigger_name = "default-http"
