"""Threads of the adapter."""

import _signal
import _thread


def start(work):
    """Runs `work()` beside the function, for as long as the process runs.

    It is no `threading.Thread`: a function may wait for all of those. It takes no signals: the function's own threads
    would miss them, or could not block them.
    """
    # A thread begins with the signals that its creator blocks.
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    _thread.start_new_thread(work, ())
    _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
