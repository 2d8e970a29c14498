"""The order of what tables and pictures show, which does not depend on the order in the sweep file."""

import numpy as np
import xarray as xr

from jaxcollapse.analysis.labels import heading
from jaxcollapse.analysis.status import cell_dims
from jaxcollapse.sweep.process_fields import is_flag


def in_order(data: xr.Dataset) -> xr.Dataset:
    """The dataset with the values of its numeric axes ascending, and its generations from the first to the last."""
    axes = [name for name in cell_dims(data.get("status", data)) if is_numeric(data, name)]
    for name in (*axes, "generation"):
        if name in data.indexes and not data.indexes[name].is_monotonic_increasing:
            data = data.isel({name: np.argsort(data[name].values, kind="stable")})
    return data


def is_numeric(data: xr.Dataset, axis: str) -> bool:
    """Whether the values of an axis are numbers, which have an order; those of a zip, and true and false, have none."""
    return heading(data, axis) == axis and np.issubdtype(data[axis].dtype, np.number) and not is_flag(axis)
