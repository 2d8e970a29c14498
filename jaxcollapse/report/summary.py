"""The table of a cell: medians, means and shares over its replicates, with their intervals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.labels import spread
from jaxcollapse.analysis.plot.style import MOST
from jaxcollapse.analysis.possible import COORDINATES
from jaxcollapse.analysis.status import cell_dims, is_event, label_of
from jaxcollapse.analysis.summary import summarise
from jaxcollapse.analysis.survival import Watched
from jaxcollapse.errors import printable
from jaxcollapse.report.encoding import packed
from jaxcollapse.report.quantities import lines_of, spoken

_KINDS = ("median", "mean", "share")


@dataclass(frozen=True)
class Row:
    """A part of a row of the table of each cell.

    Attributes:
        title: title of the observable or event.
        units: its units.
        kind: whether the values are medians, means, or shares of trajectories.
        values: estimate and ends of the interval, [axis, …, 3].
        known: number of trajectories that have a value, and of those that count, [axis, …, 2]; NaN if all have one.
    """

    title: str
    units: str
    kind: str
    values: np.ndarray
    known: np.ndarray

    def over(self, shape: tuple[int, ...]) -> "Row":
        """The row for so many values of each axis, with NaN for all numbers."""
        empty = (np.full((*shape, size), np.nan, np.float32) for size in (3, 2))
        return Row(self.title, self.units, self.kind, *empty)

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON data of a page."""
        told = {"title": self.title, "units": self.units, "kind": self.kind, "values": packed(self.values)}
        return told if np.isnan(self.known).all() else told | {"known": packed(self.known)}


def rows_of(data: xr.Dataset) -> list[Row]:
    """The rows of the table of each cell, at the last generation of a dataset."""
    axes = cell_dims(data.status)
    data = data.drop_vars(set(data.coords) - {*data.dims, *COORDINATES})  # each makes computations slower
    told = summarise(data)
    found = []
    for name in map(str, told.data_vars):
        variable, _, kind = name.rpartition("_")
        if kind in _KINDS:
            long_name, units = label_of(data[variable])
            own = f"{variable}_known"
            known = told[own if own in told else "counted"]  # `get` looks for names like one that is missing
            units = "1" if kind == "share" else units
            found += _rows(told[name], known, told.counted, long_name, units, kind, axes)
    for name in map(str, data.data_vars):
        if is_event(data[name]):
            median = Watched.of(data, name).median_time()
            found += _rows(median, told.counted, told.counted, *label_of(data[name]), "median", axes)
    return found


def _rows(
    values: xr.DataArray,
    known: xr.DataArray,
    counted: xr.DataArray,
    title: str,
    units: str,
    kind: str,
    axes: list[str],
) -> list[Row]:
    """A variable with bounds as a row, or as one for each value of a further dimension."""
    title, units = spoken(title), printable(units)
    table, all_of_them = values.transpose(..., *axes, "bound").values, counted.transpose(*axes).values
    extra = next((str(dim) for dim in values.dims if dim not in (*axes, "bound")), None)
    some = known.transpose(..., *axes).values
    if extra is None:
        return [Row(title, units, kind, table, _short(some, all_of_them))]
    labels = lines_of(values.coords.to_dataset(), extra)
    some = np.broadcast_to(some, table.shape[:-1])
    return [
        Row(f"{title}: {labels[place]}", units, kind, table[place], _short(some[place], all_of_them))
        for place in spread(len(labels), MOST)
    ]


def _short(known: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """How many are known, of how many that count [axis, …, 2]; NaN where all are."""
    return np.where((known < counted)[..., None], np.stack([known, counted], axis=-1), np.nan)
