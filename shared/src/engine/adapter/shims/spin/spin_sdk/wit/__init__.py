"""The interfaces of Spin's host: any of them can be imported, none can be used."""

import importlib.abc
import importlib.machinery
import sys

from .._absent import names
from .types import Err, Ok, Result, Some  # noqa: F401


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `spin_sdk.wit.imports.…`: their names change with each version of the SDK."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith(f"{__name__}."):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__getattr__ = names(module.__name__)


sys.meta_path.append(_Finder())
