"""C's own buffer of standard output.

It is flushed where `ctypes` is loaded: to load it only for this would take longer than most functions run.
"""

from . import standard

_ctypes = standard.module("ctypes")
_library = _ctypes.CDLL(None)
_stdout = _ctypes.c_void_p.in_dll(_library, "stdout")


def flush():
    _library.fflush(_stdout)
