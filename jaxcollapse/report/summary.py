"""The table of a cell: medians, means and shares over its replicates, with their intervals."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxcollapse.analysis.labels import spread
from jaxcollapse.analysis.plot.style import MOST
from jaxcollapse.analysis.status import cell_dims, is_event, label_of
from jaxcollapse.analysis.summary import summarise
from jaxcollapse.analysis.survival import survival
from jaxcollapse.errors import printable
from jaxcollapse.report.quantities import lines_of

_KINDS = ("median", "mean", "share")


@dataclass(frozen=True)
class Row:
    """A part of a row of the table of each cell.

    title: of the observable or event. kind: whether it is the median, the mean, or a share of trajectories.
    values: estimate, low, high, [axis, …, 3].
    """

    title: str
    units: str
    kind: str
    values: np.ndarray


def rows_of(data: xr.Dataset) -> list[Row]:
    """What is told of each cell at the last generation of a dataset."""
    axes = cell_dims(data.status)
    told = summarise(data)
    found = []
    for name in map(str, told.data_vars):
        variable, _, kind = name.rpartition("_")
        if kind in _KINDS:
            long_name, units = label_of(data[variable])
            found += _rows(told[name], long_name, "1" if kind == "share" else units, kind, axes)
    for name in map(str, data.data_vars):
        if is_event(data[name]):
            times = survival(data, name, generations=data.generation.values[-1:].tolist())
            found += _rows(times.median_time, *label_of(data[name]), "median", axes)
    return found


def _rows(values: xr.DataArray, title: str, units: str, kind: str, axes: list[str]) -> list[Row]:
    """A variable with bounds as a row, or as one for each value of a further dimension."""
    title, units = printable(title), printable(units)
    extra = next((str(dim) for dim in values.dims if dim not in (*axes, "bound")), None)
    if extra is None:
        return [Row(title, units, kind, values.transpose(*axes, "bound").values)]
    labels = lines_of(values.coords.to_dataset(), extra)
    return [
        Row(f"{title}: {labels[place]}", units, kind, values.isel({extra: place}).transpose(*axes, "bound").values)
        for place in spread(len(labels), MOST)
    ]
