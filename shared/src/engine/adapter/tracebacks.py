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
    _LIBRARY + "importlib" + os.sep,
    _LIBRARY + "asyncio" + os.sep,
    _LIBRARY + "json" + os.sep,
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
    frame = sys._current_frames().get(thread_id)
    stack = list(traceback.walk_stack(frame))[::-1]
    # Outside of the adapter is Lambda's runtime.
    ours = [index for index, (frame, _) in enumerate(stack) if frame.f_code.co_filename.startswith(_PACKAGE)]
    stack = stack[ours[0] :] if ours else []
    waits = tasks.awaited_frames()
    if waits:
        # The event loop's own frames say nothing.
        stack = [(frame, frame.f_lineno) for frame in waits]
    while stack and stack[0][0].f_code.co_filename.startswith(_BETWEEN):
        del stack[0]
    while stack and stack[-1][0].f_code.co_filename.startswith(_PACKAGE):
        del stack[-1]
    with standard.Library():
        return "".join(traceback.StackSummary.extract(iter(stack)).format())
