"""Functions of the standard library that the adapter has its own of."""

import importlib
import os

_own_id = os.getpid()

# Ends the process, and does no more than that.
exit_now = os._exit


def is_forked():
    """Whether this process is a child that the function has forked."""
    return os.getpid() != _own_id


def replace(module, name, ours):
    """Replaces `module.name` by the function of the same name in a module of the adapter.

    That module is imported at the first call, since most functions make none. Its function gets the original as its
    first argument. In a forked child the original is called.
    """
    original = getattr(module, name)

    def call(*args, **options):
        if is_forked():
            return original(*args, **options)
        try:
            replacement = getattr(importlib.import_module(ours, __package__), name)
        except OSError:
            # The function has used all descriptors up.
            return original(*args, **options)
        return replacement(original, *args, **options)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = original.__doc__
    setattr(module, name, call)
