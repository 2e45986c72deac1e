"""Reports of `faulthandler` on a crash. Nobody reads the pipe afterwards, so they go past it."""

import sys

from . import output


def enable(original, file=None, *args, **options):
    original(_past_pipe(file), *args, **options)


def dump_traceback_later(original, timeout, repeat=False, file=None, exit=False, **options):
    file = _past_pipe(file) if exit else file or sys.stderr
    original(timeout, repeat, file, exit, **options)


def _past_pipe(file):
    if file is None:
        file = sys.stderr
    descriptor = file if isinstance(file, int) else file.fileno()
    return output.current.original if descriptor in (1, 2) else file
