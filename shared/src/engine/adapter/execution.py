"""The execution that is going on."""

import _thread

from . import answer
from .usage import Usage

# None between two executions.
current = None


class Execution:
    """One run of the function. It is answered once, by whoever claims it first."""

    def __init__(self, request_id, output):
        self._request_id = request_id
        self._output = output
        self._usage = Usage()
        # Taken once, and never released.
        self._claim = _thread.allocate_lock()

    def claim(self):
        """Whether the caller is to answer. If not, the process is about to end, or the execution is over."""
        return self._claim.acquire(blocking=False)

    def answer(self, outcome, members=b"", last=""):
        """The answer with what was printed.

        It also holds `members` of the object, bytes, and `last`, lines of the adapter's own.
        """
        text, dropped = self._output.take(last)
        return answer.encode(outcome, members, text, dropped, *self._usage.figures())

    def post(self, outcome, last=""):
        """Sends an answer past the runtime, which the process won't come back to."""
        connection = self._output.retry_without_pipe(_connection)
        connection.answer(self._request_id, self.answer(outcome, last=last))


def _connection():
    from .runtime_api import Connection

    return Connection()


def wait_for_end():
    """Never returns. Another thread is about to end the process."""
    never = _thread.allocate_lock()
    never.acquire()
    while True:
        never.acquire()
