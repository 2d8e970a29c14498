"""The dataset as a Zarr store."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import xarray as xr

from jaxcollapse.errors import InputError
from jaxcollapse.store.atomic import temporary_name

_FORMAT = 2  # the third has no type for text yet that all readers know
_KEPT = ("dtype", "_FillValue")  # of how variables are encoded; the rest belongs to netCDF


def export(data: xr.Dataset, path: Path) -> Path:
    """Writes an opened dataset as a Zarr store, chunk by chunk, and gives the store's path. An older one is replaced.

    Raises:
        InputError: Dask or Zarr is not installed.
        OSError: it cannot be written.
    """
    if not all(find_spec(name) for name in ("dask", "zarr")):
        raise InputError("zarr", "needs Dask and Zarr: pip install 'jaxcollapse[zarr]'")
    chunked = data.chunk({})
    for variable in chunked.variables.values():
        variable.encoding = {key: value for key, value in variable.encoding.items() if key in _KEPT}
    temporary = temporary_name(path)
    try:
        chunked.to_zarr(temporary, zarr_format=_FORMAT)
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path
