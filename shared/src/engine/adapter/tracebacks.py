"""Tracebacks as Python prints them, without the frames that aren't the function's."""

import os
import sys
import traceback

from . import standard, tasks

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARY = os.path.dirname(os.__file__) + os.sep

# What stands between the adapter and the function: imports, the event loop, the encoding of what it returned.
_BETWEEN = (
    _PACKAGE,
    "<frozen importlib",
    *(_LIBRARY + part for part in ("importlib/", "asyncio/", "selectors.py", "json/")),
)


def of_error(error):
    """The text of an exception that the function raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_BETWEEN):
        trace = trace.tb_next
    try:
        with standard.Library():
            return "".join(traceback.format_exception(type(error), error, trace))
    except BaseException:
        # It is the user's object, or memory is short.
        return f"{type(error).__name__}\n"


def of_thread(thread_id):
    """Where the function stands that the adapter called in a thread. Empty if it can't be said."""
    stack = [frame for frame, _ in traceback.walk_stack(sys._current_frames().get(thread_id))][::-1]
    while stack and not _is_below(stack[0], _PACKAGE):
        # Outside of the adapter is Lambda's runtime.
        del stack[0]
    stack = _functions_own(stack) or _functions_own(tasks.awaited_frames())
    with standard.Library():
        return "".join(traceback.StackSummary.extract((frame, frame.f_lineno) for frame in stack).format())


def _functions_own(stack):
    while stack and _is_below(stack[0], _BETWEEN):
        del stack[0]
    while stack and _is_below(stack[-1], _PACKAGE):
        del stack[-1]
    return stack


def _is_below(frame, places):
    return frame.f_code.co_filename.startswith(places)
