"""The dataset as a Zarr store, whose attributes are JSON, which has no ∞: there `inf` is the text "Infinity"."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.errors import InputError
from jaxcollapse.store.lock import Lock, locked
from jaxcollapse.system.atomic import sweep_up, temporary_name

_FORMAT = 2  # the third has no type for text yet that all readers know
_KEPT = ("dtype", "_FillValue")  # of how numbers are encoded; the rest belongs to netCDF


def export(data: xr.Dataset, path: Path) -> Path:
    """Writes an opened dataset as a Zarr store, chunk by chunk, and gives the store's path. An older one is replaced.

    Raises:
        InputError: Dask or Zarr is not installed.
        OSError: it cannot be written.
    """
    if not all(find_spec(name) for name in ("dask", "zarr")):
        raise InputError("zarr", "needs Dask and Zarr: pip install 'jaxcollapse[zarr]'")
    texts = {name: array.astype(str) for name, array in data.coords.items() if array.dtype == object}
    chunked = data.assign_coords(texts).chunk({})
    for variable in chunked.variables.values():
        kept = _KEPT if variable.dtype.kind != "U" else ()
        variable.encoding = {key: value for key, value in variable.encoding.items() if key in kept}
        variable.attrs = {key: _strict(value) for key, value in variable.attrs.items()}
    temporary = temporary_name(path)
    with locked(_lock_path(path), "writes a Zarr store in"):
        try:
            chunked.to_zarr(temporary, zarr_format=_FORMAT)
            if path.is_symlink():  # which is replaced, and never followed
                path.unlink()
            shutil.rmtree(path, ignore_errors=True)
            os.replace(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return path


def _strict(value: Any) -> Any:
    """An attribute as JSON has it: numbers that are not finite as texts, which `float` reads."""
    if isinstance(value, np.ndarray | list | tuple):
        return [_strict(each) for each in np.asarray(value).tolist()]
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def sweep_up_exports(path: Path) -> None:
    """Removes what was left of exports to this path that were killed, unless one is at work."""
    if not any(path.parent.glob(f".{path.name}.*")):
        return
    lock = Lock(_lock_path(path))
    if lock.acquire(wait=False) and lock.is_held:
        sweep_up(path)
        lock.release()


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")
