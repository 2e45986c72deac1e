"""The user's main file as a module, wherever it lies and whatever its name is."""

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location

from .loader import CODE_FOLDER


class MainFile:
    """Finds the main file for Python's import.

    `src/main.py` is the module `src.main`, so that relative imports work. Under the name that its neighbours import
    it by, `main`, it is the same module. `root` is the package that a platform makes of the whole code folder, or
    None.
    """

    def __init__(self, path, root=None):
        self._file = os.path.join(CODE_FOLDER, *path.split("/"))
        self._folder = os.path.dirname(self._file)
        self._root = root
        parts = path.removesuffix(".py").split("/")
        self._is_package = len(parts) > 1 and parts[-1] == "__init__"
        if self._is_package:
            parts.pop()
        name = ".".join(parts)
        names = [name] if "." not in "".join(parts) else []
        if names and root and self._folder != CODE_FOLDER:
            names.insert(0, f"{root}.{name}")
        if "." not in parts[-1]:
            names.append(parts[-1])
        usable = [each for each in names if not _is_taken(each)]
        self.name = usable[0] if usable else "function_" + parts[-1].replace(".", "_")
        self._names = names
        # `json.py` is not meant by those who import `json`.
        self._passed_over = name if name in sys.stdlib_module_names else None

    def extend_path(self):
        """Adds the folder of the main file to `sys.path`, and the one that its package is in."""
        folder = self._folder
        if folder == CODE_FOLDER:
            return
        if _has_init(folder):
            # Last: modules of a package often have the names of Python's own.
            sys.path.append(folder)
            while _has_init(folder) and folder != CODE_FOLDER:
                folder = os.path.dirname(folder)
        if folder not in sys.path:
            sys.path.insert(0, folder)

    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            places = [self._folder] if self._is_package else None
            return spec_from_file_location(name, self._file, submodule_search_locations=places)
        if name == self._root:
            # A package without a file, as Python makes one of any folder.
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [CODE_FOLDER]
            return spec
        if name == self._passed_over:
            from . import standard

            return standard.find(name)
        if name in self._names:
            found = PathFinder.find_spec(name, path, target)
            if found is not None and found.origin == self._file:
                return ModuleSpec(name, _Alias(self.name), origin=self._file)
            return found
        return None


class _Alias:
    """Imports a module under another name."""

    def __init__(self, name):
        self._name = name

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        sys.modules[module.__name__] = importlib.import_module(self._name)


def _has_init(folder):
    return os.path.exists(os.path.join(folder, "__init__.py"))


def _is_taken(name):
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in sys.modules
