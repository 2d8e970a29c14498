"""What stands beside the cells of a table or a figure: names and values of the axes."""

import tomllib
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.errors import printable
from jaxcollapse.sweep.display import label

_LONGEST = 32  # characters of a value


def heading(data: xr.Dataset, dimension: str) -> str:
    """The name of an axis; of a zip, the names of its fields."""
    return ", ".join(_fields(data, dimension))


def long_heading(data: xr.Dataset, dimension: str) -> str:
    """The same in words."""
    return ", ".join(str(data[field].attrs.get("long_name", field)) for field in _fields(data, dimension))


def entries(data: xr.Dataset, dimension: str) -> list[str]:
    """The values along an axis; of a zip, those of its fields."""
    columns = [data[field].values.tolist() for field in _fields(data, dimension)]
    return [", ".join(map(entry, values)) for values in zip(*columns, strict=True)]


def spread(size: int, most: int) -> list[int]:
    """All indices, or at most so many that are evenly spread, an odd number with both ends and the middle."""
    number = size if size <= most else max(1, most - 1 + most % 2)
    return np.unique(np.linspace(0, size - 1, number).round().astype(int)).tolist()


def _fields(data: xr.Dataset, dimension: str) -> list[str]:
    axis = tomllib.loads(data.attrs.get("sweep", "")).get("axes", {}).get(dimension, [])
    return list(axis["zip"]) if "zip" in axis else [dimension]


def entry(value: Any) -> str:
    """A value in few letters."""
    if isinstance(value, float):
        return "∞" if value == float("inf") else f"{value:.4g}"
    text = printable(label(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
