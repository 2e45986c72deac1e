"""The user's function, imported when it is called for the first time."""

import importlib
import os
import sys

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
TASK_FOLDER = os.path.dirname(_PACKAGE)
_CODE_FOLDER = os.path.join(TASK_FOLDER, "code")


class Function:
    """The function in `code/function.py`, and the form that knows how to call it."""

    def __init__(self, form, entry_point):
        self._form = importlib.import_module(f"{__package__}.forms.{form}")
        self._entry_point = entry_point
        self._is_prepared = False
        self._call = None

    def load(self):
        """What takes a `Request` and gives a `Reply`.

        Raises what importing raises, or `Unloadable`. It is tried again then with the next execution, whose log is
        to say the same.
        """
        if self._call is None:
            if not self._is_prepared:
                self._prepare()
            self._call = self._form.load(importlib.import_module("function"), self._entry_point)
        return self._call

    def _prepare(self):
        self._is_prepared = True
        os.chdir(_CODE_FOLDER)
        sys.path.insert(0, _CODE_FOLDER)
        if self._form.SHIMS:
            # Last: a package that the user brings comes first.
            sys.path.append(os.path.join(_PACKAGE, "shims", self._form.SHIMS))
        prepare = getattr(self._form, "prepare", None)
        if prepare is not None:
            prepare()
