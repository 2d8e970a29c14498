"""What a page draws over generations: observables, and how many trajectories are not yet past an event."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxcollapse.analysis.band import banded
from jaxcollapse.analysis.labels import entries, partly, spread, titled
from jaxcollapse.analysis.plot.style import MOST
from jaxcollapse.analysis.status import cell_dims, counted, is_event, label_of
from jaxcollapse.analysis.survival import Watched
from jaxcollapse.errors import printable

_LEFT_OUT = ("status", "logits", "text")


@dataclass(frozen=True)
class Quantity:
    """Something that has a value for each trajectory and generation.

    Attributes:
        name: name of the variable.
        title: its title, with units.
        dim: the dimension along which it has several lines; None if it has one line.
        lines: titles of the lines.
        places: indices of the lines along the dimension.
        is_event: whether it is the share of trajectories before an event.
    """

    name: str
    title: str
    dim: str | None
    lines: tuple[str, ...]
    places: tuple[int, ...]
    is_event: bool


def quantities_of(data: xr.Dataset) -> list[Quantity]:
    """All that can be drawn over generations: observables first, then events."""
    axes = set(cell_dims(data.status))
    found = []
    for name in map(str, data.data_vars):
        values = data[name]
        extra = [dim for dim in cell_dims(values) if dim not in axes]
        if name in _LEFT_OUT or "replicate" not in values.dims or len(extra) > 1:
            continue
        if is_event(values):
            long_name, _ = label_of(values)
            title = f"share before the {spoken(long_name)}"
            found.append(Quantity(name, title, None, ("",), (0,), True))
        elif "generation" in values.dims:
            found.append(_observable(data, name, extra[0] if extra else None))
    return sorted(found, key=lambda quantity: quantity.is_event)


def spoken(long_name: str) -> str:
    """A long name within a sentence, where a comma would end it: "gap (of rows)" for "gap, of rows"."""
    name, comma, rest = printable(long_name).partition(", ")
    return f"{name} ({rest})" if comma else name


def partly_drawn(data: xr.Dataset, quantities: Iterable[Quantity]) -> list[str]:
    """Along which dimensions quantities have more lines than are drawn: "7 of the 20 values of persona"."""
    wide = {each.dim: len(each.places) for each in quantities if each.dim is not None}
    return [part for dim, drawn in wide.items() for part in partly(drawn, data.sizes[dim], dim)]


def bands(data: xr.Dataset, quantity: Quantity) -> np.ndarray:
    """The median over replicates, and what is around it.

    For observables that is the band of 80 % of the replicates; for events the interval of 95 %.

    Returns:
        low, middle, high: [axis, …, line, generation, bound].
    """
    axes = cell_dims(data.status)
    if quantity.is_event:
        told = Watched.of(data, quantity.name).survival().transpose(*axes, "generation", "bound")
        return told.sel(bound=["low", "estimate", "high"]).values[..., None, :, :]
    return banded(trajectories(data, quantity))


def trajectories(data: xr.Dataset, quantity: Quantity) -> np.ndarray:
    """An observable of single trajectories, NaN where they do not count: [axis, …, line, generation, replicate]."""
    values = counted(data, data[quantity.name])
    if quantity.dim is None:
        values = values.expand_dims("line")
    else:
        values = values.isel({quantity.dim: list(quantity.places)}).rename({quantity.dim: "line"})
    return values.transpose(*cell_dims(data.status), "line", "generation", "replicate").values


def lines_of(data: xr.Dataset, dim: str) -> list[str]:
    """What the values along a dimension that is not an axis are called."""
    return entries(data, dim) if dim in data.coords else [str(place) for place in range(data.sizes[dim])]


def _observable(data: xr.Dataset, name: str, dim: str | None) -> Quantity:
    long_name, units = label_of(data[name])
    title = titled(spoken(long_name), printable(units))
    if dim is None:
        return Quantity(name, title, None, ("",), (0,), False)
    labels = lines_of(data, dim)
    places = spread(len(labels), MOST)
    return Quantity(name, title, dim, tuple(labels[place] for place in places), tuple(places), False)
