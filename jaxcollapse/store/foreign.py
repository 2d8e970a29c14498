"""Looking at a netCDF file that anybody may have made, before numbers are read from it.

A seal only says that a file is as it was sealed. What it declares is held to what is expected, and to its own size:
more bytes than `MOST_INFLATION` times those of the file cannot have been compressed into it. Numbers are in compressed
chunks, as we write them: HDF5 would read those of other layouts from any file that they name.
"""

import math
from pathlib import Path

import netCDF4
import numpy as np

from jaxcollapse.limits import MOST_INFLATION


def check_variable(file: netCDF4.Dataset, name: str, dtype: np.dtype, dims: tuple[str, ...]) -> None:
    """Raises ValueError unless a variable of this type and with these dimensions can be read."""
    variable = file.variables.get(name)
    if variable is None:
        raise ValueError(f"has no variable {name}")
    if not isinstance(variable.dtype, np.dtype) or variable.dtype != dtype:
        raise ValueError(f"{name} is not of type {dtype}")
    if variable.dimensions != dims or any(dimension.isunlimited() for dimension in variable.get_dims()):
        raise ValueError(f"{name} has not the dimensions {', '.join(dims)}")
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
