"""The dataset as a Zarr store."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import xarray as xr

from jaxcollapse.errors import InputError
from jaxcollapse.store.atomic import temporary_name

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
    temporary = temporary_name(path)
    try:
        chunked.to_zarr(temporary, zarr_format=_FORMAT)
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path
