"""Calls that end the process or replace its program.

They answer Lambda first, so that nothing that was printed is lost.
"""

import _signal
import os
import time
from _operator import index

from . import execution, output
from .replacement import exit_now

# Signals that end no process by default; 0 is none. All others do.
_HARMLESS = {0}.union(
    getattr(_signal, "SIG" + name) for name in ("CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH")
)


def _exit(original, status):
    status = index(status)
    _answer()
    original(status)


def abort(original):
    _answer()
    original()


def kill(original, pid, signal, /):
    _send(pid in (0, os.getpid(), -os.getpgrp()), signal, original, pid, signal)


def killpg(original, pgid, signal, /):
    _send(pgid in (0, os.getpgrp()), signal, original, pgid, signal)


def raise_signal(original, signalnum, /):
    _send(True, signalnum, original, signalnum)


def execv(original, path, argv, /):
    _run_instead(original, path, argv)


def execve(original, path, argv, env):
    _run_instead(original, path, argv, env)


def _answer():
    """Answers the execution that the process is about to leave."""
    running = execution.current
    if running is None:
        return
    if not running.claim():
        execution.wait_for_end()
    try:
        running.post("exited")
    except BaseException:
        # Lambda will say that the process has ended.
        pass


def _send(reaches_own, signal, send, *args):
    is_end = reaches_own and _is_deadly(signal)
    if is_end:
        _answer()
    send(*args)
    if is_end:
        # Another thread may be about to receive it.
        time.sleep(1)
        exit_now(128 + signal)


def _is_deadly(signal):
    try:
        is_default = _signal.getsignal(signal) == _signal.SIG_DFL
        return is_default and signal not in _HARMLESS | _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
    except (TypeError, ValueError, OverflowError):
        # The call itself says what is wrong with it.
        return False


def _run_instead(call, *args):
    # Nobody would read the pipe.
    output.current.detach()
    try:
        call(*args)
    finally:
        # It failed: this program goes on.
        output.current.attach()
