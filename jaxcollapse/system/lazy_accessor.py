"""An accessor on every dataset of xarray, at no cost before it is used: xarray is not imported for it."""

import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def register(name: str, make: Callable[[Any], Any]) -> None:
    """Gives datasets this accessor: now, or as soon as somebody imports xarray.

    Args:
        name: of the accessor.
        make: makes the accessor of a dataset.
    """
    if "xarray" in sys.modules:
        _add(sys.modules["xarray"], name, make)
    else:
        sys.meta_path.insert(0, _Waiting(name, make))


def _add(xarray: ModuleType, name: str, make: Callable[[Any], Any]) -> None:
    if name not in vars(xarray.Dataset):
        xarray.register_dataset_accessor(name)(make)


class _Waiting(MetaPathFinder):
    """Finds nothing itself; lets the usual finders load xarray, and adds the accessor to it once it is loaded."""

    def __init__(self, name: str, make: Callable[[Any], Any]):
        self._name = name
        self._make = make

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != "xarray":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next((found for finder in others if (found := finder.find_spec(fullname, path, target))), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_add(module: ModuleType) -> None:
                load(module)
                if self in sys.meta_path:  # a module that is loaded again has it already
                    sys.meta_path.remove(self)
                _add(module, self._name, self._make)

            spec.loader.exec_module = load_and_add  # type: ignore[method-assign]
        return spec
