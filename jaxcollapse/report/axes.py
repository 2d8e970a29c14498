"""The axes of a study as a reader sees them."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import is_numeric
from jaxcollapse.analysis.labels import entries, fields_of, heading, long_heading, number, titled
from jaxcollapse.analysis.status import cell_dims, label_of
from jaxcollapse.errors import printable
from jaxcollapse.sweep.process_fields import is_flag

_RANGE = 3  # values in a row that are told by the first and the last of them
_FEW_POINTS = 3  # that are named; more are told by their number and the ranges of their fields
_NEARLY_ALL = 0.9  # of the points, from which on a range says nothing

FEWEST_POINTS = 9  # of numbers along an axis, which are points in a plane; fewer are rows of cells


@dataclass(frozen=True)
class PointField:
    """A field with a number for each value of a zip axis.

    Attributes:
        title: its long name, with units.
        values: its numbers, in the order of the axis.
    """

    title: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class ShownAxis:
    """An axis of a report.

    Attributes:
        dim: its dimension in the dataset.
        words: its name in sentences.
        title: its name in tables and figures, with the fields of a zip.
        labels: texts of its values.
        order: places of its values in ascending order; None if they are not numbers, or belong to a zip.
        points: of a zip of many values, its fields of numbers, if there are at least two: then its values are points.
        numbers: its values, if they are numbers.
    """

    dim: str
    words: str
    title: str
    labels: tuple[str, ...]
    order: tuple[int, ...] | None
    points: tuple[PointField, ...] = ()
    numbers: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def told(self, places: Collection[int]) -> str:
        """ "learning rate 0.1 and 1" for some of the places along the axis."""
        if self.are_many(places):
            return self._some_points(places, f" of {self.words}")
        return f"{self.words} {self.values(places)}"

    def are_many(self, places: Collection[int]) -> bool:
        """Whether these are more scattered points than a sentence names; it says how many there are instead."""
        return bool(self.points) and len(places) > _FEW_POINTS

    def _some_points(self, places: Collection[int], of: str = "") -> str:
        """ "20 of the 64 points (learning rate 0.924 to 9.74)", with the ranges that few other points are in."""
        ranges = []
        for field in self.points:
            own = [field.values[place] for place in places]
            low, high = min(own), max(own)
            if sum(low <= value <= high for value in field.values) < _NEARLY_ALL * len(self):
                ranges.append(f"{field.title} {number(low)} to {number(high)}")
        return f"{len(places)} of the {len(self)} points{of}{f' ({listed(ranges)})' if ranges else ''}"

    def values(self, places: Collection[int], last: str = "and") -> str:
        """ "0.1 and 1", or "0.1 to 10" where three or more numbers follow each other."""
        if self.are_many(places):
            return self._some_points(places)
        if self.order is None:
            return listed([self.labels[place] for place in sorted(places)], last)
        ranks = sorted(self.order.index(place) for place in places)
        starts = [b for a, b in pairwise([-2, *ranks]) if b != a + 1]
        ends = [a for a, b in pairwise([*ranks, len(self) + 1]) if b != a + 1]
        words: list[str] = []
        for start, end in zip(starts, ends, strict=True):
            names = [self.labels[self.order[rank]] for rank in range(start, end + 1)]
            words += names if len(names) < _RANGE else [f"{names[0]} to {names[-1]}"]
        return listed(words, last)


def axes_of(data: xr.Dataset) -> list[ShownAxis]:
    """The axes of a dataset, in its order."""
    return [_axis(data, dim) for dim in cell_dims(data.status)]


def listed(words: list[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _axis(data: xr.Dataset, dim: str) -> ShownAxis:
    words, labels = long_heading(data, dim), tuple(entries(data, dim))
    if heading(data, dim) != dim:
        name = printable(dim)
        points = _points(data, dim) if len(labels) >= FEWEST_POINTS else ()
        return ShownAxis(dim, name, f"{name} ({words})", tuple(f"({label})" for label in labels), None, points)
    values, words = data[dim].values, printable(words).replace("_", " ")
    if not is_numeric(data, dim):
        return ShownAxis(dim, words, words, labels, None)
    return ShownAxis(
        dim, words, words, labels, tuple(np.argsort(values).tolist()), numbers=tuple(values.astype(float).tolist())
    )


def _points(data: xr.Dataset, dim: str) -> tuple[PointField, ...]:
    """The fields of numbers of a zip, if there are at least two."""
    fields = [name for name in fields_of(data, dim) if np.issubdtype(data[name].dtype, np.number) and not is_flag(name)]
    found = [
        PointField(titled(*map(printable, label_of(data[name]))), tuple(data[name].values.tolist())) for name in fields
    ]
    return tuple(found) if len(found) > 1 else ()
