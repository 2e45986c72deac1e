"""The end of an execution that takes too long.

Lambda would kill the process, and keep no more of its output than 4 KB.
"""

import threading
import time

from . import background


class Watchdog:
    """Calls `stop(execution)` in a thread of its own once the time of an execution has passed."""

    def __init__(self, stop):
        self._stop = stop
        self._condition = threading.Condition(threading.Lock())
        self._execution = None
        self._deadline = None
        self._wakes_at = None
        background.start(self._run)

    def watch(self, execution, seconds):
        """Stops `execution` after so many seconds, unless `rest` is called before."""
        with self._condition:
            self._execution = execution
            self._deadline = time.monotonic() + seconds
            # Mostly it still sleeps for an earlier execution, and will look at this one then.
            if self._wakes_at is None or self._deadline < self._wakes_at:
                self._condition.notify()

    def rest(self):
        with self._condition:
            self._execution = self._deadline = None

    def _run(self):
        while True:
            self._stop(self._next_overdue())

    def _next_overdue(self):
        with self._condition:
            while True:
                now = time.monotonic()
                if self._deadline is not None and self._deadline <= now:
                    execution = self._execution
                    self._execution = self._deadline = None
                    return execution
                self._wakes_at = self._deadline
                self._condition.wait(None if self._deadline is None else self._deadline - now)
