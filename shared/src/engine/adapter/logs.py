"""The root logger."""

import logging
import sys
import time


class RootHandler(logging.StreamHandler):
    """Writes what no other handler writes, to what `sys.stderr` is at the time.

    So a logger with a handler of its own logs each record once, as in a Python without a handler at the root.
    """

    def __init__(self):
        logging.Handler.__init__(self)
        self._stream = None
        self.setFormatter(logging.Formatter(logging.BASIC_FORMAT))

    @property
    def stream(self):
        return sys.stderr if self._stream is None else self._stream

    @stream.setter
    def stream(self, stream):
        self._stream = stream

    def emit(self, record):
        if not self._is_handled_elsewhere(record):
            super().emit(record)

    def _is_handled_elsewhere(self, record):
        logger = logging.getLogger(record.name)
        while logger is not None:
            for handler in logger.handlers:
                is_other = handler is not self and not isinstance(handler, logging.NullHandler)
                if is_other and record.levelno >= handler.level:
                    return True
            logger = logger.parent if logger.propagate else None
        return False


def set_up():
    """Gives the root logger a handler of ours, in the place of Lambda's."""
    # Lambda's runtime sets it to UTC for its own records.
    logging.Formatter.converter = time.localtime
    root = logging.getLogger()
    root.handlers.clear()
    root.addHandler(RootHandler())
    root.setLevel(logging.WARNING)
    logging.basicConfig = _basic_config


_original_basic_config = logging.basicConfig


def _basic_config(**options):
    """As `logging.basicConfig` in a fresh Python, where the root logger has no handler yet."""
    handlers = logging.getLogger().handlers
    ours = handlers[:]
    if len(ours) == 1 and isinstance(ours[0], RootHandler):
        handlers.clear()
    try:
        _original_basic_config(**options)
    finally:
        if not handlers:
            handlers.extend(ours)


_basic_config.__name__ = "basicConfig"
