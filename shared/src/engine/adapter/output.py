"""What the process, its children and its C code print, in order.

Descriptors 1 and 2 are one pipe. Python's own streams don't go through it: they empty it first, so that order is
kept, and pass on at once what they were given. Should the process be killed, Lambda has it already.
"""

import fcntl
import io
import os
import select
import sys
import threading

from . import background
from .tail import Tail

# What a pipe holds at most, where the system allows it. Code that prints more while it holds Python's lock would
# wait for ever.
_PIPE_BYTES = 1024 * 1024

_READ_BYTES = 64 * 1024

_STREAMS = {1: "stdout", 2: "stderr"}

# The first number of the adapter's own descriptors. Should the function close them, its next files get lower ones, and
# nothing of the adapter's goes there.
_FIRST_OWN = 200

# That of the process, once it is taken over.
current = None


class Output:
    """The output of the process. `original` is a descriptor of what it was before."""

    def __init__(self):
        self._lock = threading.RLock()
        self._tail = Tail()
        self._is_forked = False
        self.original = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, _FIRST_OWN)
        self._read_end = self._write_end = -1

    def take_over(self):
        """Takes the output of the process over, for good."""
        global current
        for name in _STREAMS.values():
            getattr(sys, name).flush()
        self._open_pipe()
        self.attach()
        for descriptor, name in _STREAMS.items():
            stream = self._new_stream(descriptor, name)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        os.register_at_fork(after_in_child=self._enter_child)
        current = self

    def attach(self):
        """Makes descriptors 1 and 2 the pipe. Children inherit them."""
        for descriptor in _STREAMS:
            os.dup2(self._write_end, descriptor)

    def detach(self):
        """Makes descriptors 1 and 2 Lambda's, for a program that replaces this one."""
        with self._lock:
            self._drain()
        for descriptor in _STREAMS:
            os.dup2(self.original, descriptor)

    def repair(self):
        """Replaces streams and descriptors that the function has closed."""
        if not _is_open_descriptor(self._write_end) or not _is_open_descriptor(self._read_end):
            self._open_pipe()
            self.attach()
        for descriptor, name in _STREAMS.items():
            if not _is_open_descriptor(descriptor):
                os.dup2(self._write_end, descriptor)
            if not _is_open(getattr(sys, f"__{name}__", None)):
                setattr(sys, f"__{name}__", self._new_stream(descriptor, name))
            if not _is_open(getattr(sys, name, None)):
                setattr(sys, name, getattr(sys, f"__{name}__"))

    def flush(self):
        """Passes on what Python's streams and C's standard output hold back."""
        for name in _STREAMS.values():
            try:
                getattr(sys, name).flush()
            except BaseException:
                # It is the user's object, or closed.
                pass
        if "_ctypes" in sys.modules:
            from . import c_output

            c_output.flush()

    def write(self, data, descriptor):
        """Adds bytes that were printed by Python code of this process."""
        if self._is_forked:
            # The parent reads the pipe.
            _write_all(descriptor, data)
            return
        with self._lock:
            self._drain()
            self._add(data)

    def take(self, last=""):
        """The text printed since the last call, and how many characters before it were not kept.

        `last` are lines of the adapter's own, added to its end: nothing that a child prints can push them out.
        """
        with self._lock:
            self._drain()
            if last:
                self._add((b"\n" if self._tail.is_inside_line() else b"") + encoded(last))
            return self._tail.take()

    def break_lock(self):
        """Takes the lock from a thread that keeps it, since the process is about to end."""
        if not self._lock.acquire(timeout=1):
            self._lock = threading.RLock()

    def retry_without_pipe(self, call):
        """The result of `call()`, which opens files. If the function has left no descriptors, the pipe's are given up.

        The process is about to end.
        """
        try:
            return call()
        except OSError:
            with self._lock:
                self._drain()
                ends, self._read_end, self._write_end = (self._read_end, self._write_end), -1, -1
            for end in ends:
                os.close(end)
            return call()

    def _open_pipe(self):
        ends = os.pipe()
        self._read_end, self._write_end = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FIRST_OWN) for end in ends)
        for end in ends:
            os.close(end)
        os.set_blocking(self._read_end, False)
        try:
            fcntl.fcntl(self._write_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            # A smaller one does.
            pass
        background.start(self._read_forever)

    def _new_stream(self, descriptor, name):
        stream = io.TextIOWrapper(
            _Stream(self, descriptor, f"<{name}>"),
            encoding="utf-8",
            errors="backslashreplace",
            newline="\n",
            write_through=True,
        )
        stream.mode = "w"
        return stream

    def _add(self, data):
        self._tail.add(data)
        try:
            _write_all(self.original, data)
        except OSError:
            # The log has it all the same.
            pass

    def _drain(self):
        """Reads what is in the pipe: no more than it holds, since a child may print without end."""
        for _ in range(_PIPE_BYTES // _READ_BYTES):
            try:
                data = os.read(self._read_end, _READ_BYTES)
            except OSError:
                # It is empty, or the function closed it.
                return
            self._add(data)
            if len(data) < _READ_BYTES:
                return

    def _read_forever(self):
        poll = select.poll()
        poll.register(self._read_end, select.POLLIN)
        while poll.poll()[0][1] & select.POLLIN and self._read_end >= 0:
            with self._lock:
                self._drain()

    def _enter_child(self):
        self._is_forked = True
        self._lock = threading.RLock()
        # The parent alone reads the pipe, so that writing to it fails once the parent has ended.
        end, self._read_end = self._read_end, -1
        if end >= 0 and _is_open_descriptor(end):
            os.close(end)


class _Stream(io.RawIOBase):
    """The bytes below `sys.stdout` or `sys.stderr`. To close it closes no descriptor, as in any Python."""

    mode = "wb"

    def __init__(self, output, descriptor, name):
        self._output = output
        self._descriptor = descriptor
        self.name = name

    def writable(self):
        self._check_open()
        return True

    def fileno(self):
        self._check_open()
        return self._descriptor

    def write(self, data):
        self._check_open()
        data = memoryview(data).tobytes()
        self._output.write(data, self._descriptor)
        return len(data)

    def _check_open(self):
        if self.closed:
            raise ValueError("I/O operation on closed file")


def _is_open(stream):
    try:
        return stream is not None and not getattr(stream, "closed", False)
    except ValueError:
        # Its buffer was detached.
        return False


def _is_open_descriptor(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def encoded(text):
    """Text as the streams write it."""
    return text.encode("utf-8", "backslashreplace")


def _write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]
