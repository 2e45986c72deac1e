"""Lambda's handler. To import it takes the process over."""

import _signal
import _thread
import builtins
import faulthandler
import json
import os
import sys

from . import answer, execution, logs
from .execution import Execution
from .loader import TASK_FOLDER, Function
from .output import Output
from .replacement import exit_now, is_forked, replace
from .request import Request
from .watchdog import Watchdog

# How long before Lambda's own limit an execution is stopped, in seconds.
_MARGIN = 0.25


def handle(event, context):
    """One execution: the event of `invocations`, and an answer as `answer` makes it, bytes of JSON."""
    output.repair()
    running = execution.current = Execution(context.aws_request_id, output)
    remaining = context.get_remaining_time_in_millis() / 1000 - _MARGIN
    _watchdog.watch(running, min(event.get("timeout", remaining), remaining))
    result = _run(event, context)
    output.flush()
    if not running.claim():
        execution.wait_for_end()
    execution.current = None
    _watchdog.rest()
    try:
        return running.answer(*result)
    except MemoryError:
        return answer.encode("memory", b"", "", 0, 0.0, 0)


def _run(event, context):
    """The outcome of calling the function, the members of the answer that belong to it, and lines for the log."""
    outcome = "unloadable"
    try:
        # Here and not at the top: what importing prints belongs into the log, and what it raises too.
        call = _function.load()
        outcome = "raised"
        reply = call(Request(event, context))
        # To look at what was returned may run the user's code as well.
        members = answer.encode_reply(reply)
    except BaseException as error:
        if is_forked():
            _end_child(error)
        return _failed(error, outcome)
    if is_forked():
        _end_child(None)
    return "returned", members, ""


def _failed(error, outcome):
    try:
        from . import failures

        return failures.described(error, outcome)
    except BaseException as second:
        # Memory or descriptors are used up.
        is_memory = isinstance(error, MemoryError) or isinstance(second, MemoryError)
        line = f"{type(error).__name__}, without a traceback because of {type(second).__name__}\n"
        return "memory" if is_memory else outcome, b"", line


def _end_child(error):
    """Ends a forked child, which the function left by returning or with an exception. Its parent answers."""
    status = 1
    try:
        from . import failures

        status = failures.child_status(error, output)
        output.flush()
    finally:
        exit_now(status)


def _stop(overdue):
    """Ends the process, whose function takes too long."""
    if not overdue.claim():
        return
    try:
        output.break_lock()
        stack = output.retry_without_pipe(_stack)
        overdue.post("timeout", f"the function was stopped here:\n{stack}" if stack else "")
    finally:
        exit_now(1)


def _stack():
    from . import tracebacks

    return tracebacks.of_thread(_thread_id)


def _replace_functions():
    for name in ("_exit", "abort", "kill", "killpg", "execv", "execve"):
        replace(os, name, ".leaving")
    for module in (_signal, sys.modules.get("signal")):
        if module is not None:
            replace(module, "raise_signal", ".leaving")
    for name in ("enable", "dump_traceback_later"):
        replace(faulthandler, name, ".crash_reports")
    if not hasattr(builtins, "exit"):
        # Python runs without `site`.
        from _sitebuiltins import Quitter

        builtins.exit, builtins.quit = Quitter("exit", "Ctrl-D"), Quitter("quit", "Ctrl-D")


def _settings():
    with open(os.path.join(TASK_FOLDER, __package__, "function.json"), encoding="utf-8") as file:
        settings = json.load(file)
    return settings["form"], settings["entryPoint"], settings.get("main", "function.py")


# From here on no search for a module meets the adapter's folder.
sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != TASK_FOLDER]
_function = Function(*_settings())
_thread_id = _thread.get_ident()
logs.set_up()
_replace_functions()
output = Output()
output.take_over()
if faulthandler.is_enabled():
    faulthandler.enable()
_watchdog = Watchdog(_stop)
