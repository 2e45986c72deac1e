"""The user's function, imported when it is called for the first time."""

import importlib
import os
import sys

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
TASK_FOLDER = os.path.dirname(_PACKAGE)
CODE_FOLDER = os.path.join(TASK_FOLDER, "code")


class Function:
    """The function in the main file, and the form that knows how to call it.

    `main` is the main file's path below the code folder, with `/`.
    """

    def __init__(self, form, entry_point, main):
        self._form = importlib.import_module(f"{__package__}.forms.{form}")
        self._entry_point = entry_point
        self._main = main
        self._module_name = None
        self._call = None

    def load(self):
        """What takes a `Request` and gives a `Reply`.

        Raises what importing raises, or `Unloadable`. It is tried again then with the next execution, whose log is
        to say the same.
        """
        if self._call is None:
            if self._module_name is None:
                self._prepare()
            self._call = self._form.load(importlib.import_module(self._module_name), self._entry_point)
        return self._call

    def _prepare(self):
        os.chdir(CODE_FOLDER)
        sys.path.insert(0, CODE_FOLDER)
        self._module_name = self._prepare_main()
        if self._form.SHIMS:
            # Last: a package that the user brings comes first.
            sys.path.append(os.path.join(_PACKAGE, "shims", self._form.SHIMS))
        prepare = getattr(self._form, "prepare", None)
        if prepare is not None:
            prepare()

    def _prepare_main(self):
        """Makes the main file importable, and gives the name of its module."""
        root = getattr(self._form, "ROOT", None)
        if self._main == "function.py" and root is None and "function" not in sys.modules:
            # Python finds it by itself.
            return "function"
        from .main_file import MainFile

        main = MainFile(self._main, root)
        main.extend_path()
        sys.meta_path.insert(0, main)
        return main.name
