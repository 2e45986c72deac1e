"""Imports from the standard library after the user's folder is on `sys.path`.

What costs time at the start is imported only when it is needed. By then a file of the user may have the name of
a standard module, `email.py` for instance, and must not be taken for it.
"""

import _thread
import os
import sys
from importlib.machinery import PathFinder

_FOLDER = os.path.dirname(os.__file__)
_PATH = [_FOLDER, os.path.join(_FOLDER, "lib-dynload")]
_PACKAGES = f"{os.sep}site-packages{os.sep}"


def find(name):
    """Where the standard library has the module `name`; None if no file of it does."""
    return PathFinder.find_spec(name, _PATH)


def module(name):
    """The standard library's module `name`, whatever files and modules the user has."""
    found = sys.modules.get(name)
    if found is None or _is_shadow(name, found):
        with Library():
            __import__(name)
            found = sys.modules[name]
    return found


class Library:
    """A context in which imports of this thread meet the standard library before the user's modules."""

    def __enter__(self):
        self._thread = _thread.get_ident()
        self._shadows = {name: there for name, there in list(sys.modules.items()) if _is_shadow(name, there)}
        for name in self._shadows:
            del sys.modules[name]
        sys.meta_path.insert(0, self)

    def __exit__(self, *_):
        sys.meta_path.remove(self)
        # The user's code goes on with its own modules.
        sys.modules.update(self._shadows)

    def find_spec(self, name, path=None, target=None):
        # Other threads may be importing the user's modules.
        if path is None and _thread.get_ident() == self._thread:
            return find(name)
        return None


def _is_shadow(name, there):
    """Whether a module of the user, or of a package, has the name of a standard one, or of a part of it."""
    if name.partition(".")[0] not in sys.stdlib_module_names:
        return False
    file = getattr(there, "__file__", None)
    return isinstance(file, str) and (not file.startswith(_FOLDER + os.sep) or _PACKAGES in file)
