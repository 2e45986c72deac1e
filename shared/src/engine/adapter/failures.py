"""What becomes of an exception that the function raised."""

from . import answer, tracebacks
from .output import encoded
from .reply import Unloadable, Unusable


def described(error, outcome):
    """The outcome, which is `outcome` unless the exception says another, further members, and lines for the log."""
    if isinstance(error, Unloadable):
        return "unloadable", b"", f"{error}\n"
    if isinstance(error, Unusable):
        line = f"{error}: {error.detail}\n" if error.detail else f"{error}\n"
        return "unusable", answer.reason_member(str(error)), line
    return "memory" if isinstance(error, MemoryError) else outcome, b"", tracebacks.of_error(error)


def child_status(error, output):
    """The exit status of a process that ends with `error` or None. Prints what any Python prints then."""
    if error is None:
        return 0
    if not isinstance(error, SystemExit):
        output.write(encoded(tracebacks.of_error(error)), 2)
        return 1
    status = error.code or 0
    if not isinstance(status, int):
        output.write(encoded(f"{status}\n"), 2)
        status = 1
    return status & 0xFF
