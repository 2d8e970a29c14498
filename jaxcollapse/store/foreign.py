"""Looking at a netCDF file that anybody may have made, before numbers are read from it.

A seal only says that a file is as it was sealed. What it declares is held to what is expected, and to its own size:
more bytes than `MOST_INFLATION` times those of the file cannot have been compressed into it. Numbers are in compressed
chunks, as we write them: HDF5 would read those of other layouts from any file that they name.
"""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import netCDF4
import numpy as np

from jaxcollapse.limits import MOST_INFLATION
from jaxcollapse.system.atomic import read_seal
from jaxcollapse.system.netcdf import open_netcdf
from jaxcollapse.system.watchdog import reading

_ENOUGH = 2**26  # bytes that HDF5 may need to read a piece of a file


class StrangeFileError(ValueError):
    """A file whose seal is unbroken, and which yet is not what was expected."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[netCDF4.Dataset]:
    """A sealed netCDF file, to be read while this context lasts.

    Raises:
        StrangeFileError: the file is not what was expected, or HDF5 cannot read it.
        OSError: the system cannot give it.
        MemoryError: there is too little memory to read it.
    """
    try:
        with reading(path), open_netcdf(path) as file:
            yield file
    except StrangeFileError:
        raise
    except Exception as error:  # netCDF reports a strange file by any kind of error
        _check_is_at_fault(path, error)
        raise StrangeFileError(str(error)) from None


def _check_is_at_fault(path: Path, error: Exception) -> None:
    """Raises why a file could not be read, if that has other reasons than what is in it.

    HDF5 has one error for a strange file, a disk that does not answer, and too little memory.
    """
    if isinstance(error, MemoryError):
        raise MemoryError(f"{path}: too little memory to read it") from None
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:  # netCDF's own are negative
        raise error
    if isinstance(error, OSError | RuntimeError):
        read_seal(path)
        try:
            bytearray(_ENOUGH)
        except MemoryError:
            raise MemoryError(f"{path}: too little memory to read it") from None


def check_variable(file: netCDF4.Dataset, name: str, dtype: np.dtype, dims: tuple[str, ...]) -> None:
    """Raises ValueError unless a variable of this type and with these dimensions can be read."""
    variable = file.variables.get(name)
    if variable is None:
        raise ValueError(f"has no variable {name}")
    if not isinstance(variable.dtype, np.dtype) or variable.dtype != dtype:
        raise ValueError(f"{name} is not of type {dtype}")
    if variable.dimensions != dims or any(dimension.isunlimited() for dimension in variable.get_dims()):
        raise ValueError(f"{name} does not have the dimensions {', '.join(dims)}")
    chunks = variable.chunking()
    if not isinstance(chunks, list) or math.prod(chunks) > math.prod(variable.shape):
        raise ValueError(f"{name} is not stored in compressed chunks")
    check_size(file, name)


def check_size(file: netCDF4.Dataset, name: str) -> None:
    """Raises ValueError if a variable has more bytes than its file can hold."""
    variable = file.variables[name]
    itemsize = variable.dtype.itemsize if isinstance(variable.dtype, np.dtype) else 1
    if math.prod(variable.shape) * itemsize > MOST_INFLATION * Path(file.filepath()).stat().st_size:
        raise ValueError(f"{name} is larger than its file can hold")
