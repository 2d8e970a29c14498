"""The axes of several datasets together: which there are, which values they have, and where each dataset is on them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.distributions.labels import storable
from jaxcollapse.errors import InputError, shown
from jaxcollapse.sweep.axes import composed
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.sweep.reading import parse_toml

_DIMENSIONS = ("replicate", "generation")
_ZIP = "joined"  # what an axis of several constants is called

Point = tuple[Any, ...]  # a value for each field of an axis


@dataclass(frozen=True)
class JoinPart:
    """A dataset that is joined with others.

    Attributes:
        name: what messages call it.
        data: its numbers.
        sweep: its sweep file.
    """

    name: str
    data: xr.Dataset
    sweep: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, data: xr.Dataset) -> "JoinPart":
        """A dataset with all that joining needs.

        Raises:
            InputError: it lacks trajectories, generations or the attribute `sweep`.
        """
        if "status" not in data or "replicate" not in data.status.dims:
            raise InputError("", "lacks the variable 'status' along 'replicate'", name)
        if "generation" not in data.dims:
            raise InputError("", "lacks the dimension 'generation'; select generations with a list", name)
        if "sweep" not in data.attrs:
            raise InputError("", "lacks the attribute 'sweep', the sweep file of its numbers", name)
        return cls(name, data, parse_toml(str(data.attrs["sweep"]), name))

    @property
    def dims(self) -> list[str]:
        """The dimensions of its cells."""
        return [str(dim) for dim in self.data.status.dims if dim not in _DIMENSIONS]

    def fields_of(self, dim: str) -> tuple[str, ...]:
        """The fields that vary along a dimension: of a zip several."""
        axis = self.table("axes").get(dim)
        if isinstance(axis, Mapping) and "zip" in axis:
            return tuple(composed(field) for field in axis["zip"])
        return (dim,)

    def table(self, key: str) -> Mapping[str, Any]:
        """A table of its sweep file."""
        found = self.sweep.get(key)
        return found if isinstance(found, Mapping) else {}

    def points(self, dim: str) -> list[Point]:
        """The values along a dimension.

        Raises:
            InputError: it has no coordinate with them.
        """
        columns = []
        for field in self.fields_of(dim):
            if field not in self.data.coords or self.data[field].dims != (dim,):
                raise InputError("", f"lacks the coordinate {field!r} along {dim!r}", self.name)
            columns.append(self.data[field].values.tolist())
        return list(zip(*columns, strict=True))

    def constant(self, field: str) -> Hashable:
        """The value of a field in all cells; one that has no coordinate has its default.

        Raises:
            InputError: it varies, or is not known.
        """
        if field in self.data.coords:
            if self.data[field].dims:
                along = ", ".join(map(str, self.data[field].dims))
                raise InputError(
                    field, f"varies along {along}, but is an axis of its own in another dataset", self.name
                )
            return self.data[field].item()
        if field not in fields() or fields()[field].default is None:
            raise InputError(field, "has no coordinate, but has one in another dataset", self.name)
        value = fields()[field].default
        return value if isinstance(value, bool | int | float) else storable(label(value))

    def has_given(self, field: str) -> bool:
        """Whether its sweep file sets or sweeps a field."""
        return field in self.table("process") or field in self.table("axes")


@dataclass(frozen=True)
class JoinedAxis:
    """An axis of the joined dataset.

    Attributes:
        name: its dimension.
        fields: the coordinates along it.
        points: its values.
        places: for each part, the indices of the part's values.
    """

    name: str
    fields: tuple[str, ...]
    points: list[Point]
    places: tuple[np.ndarray, ...]

    @property
    def is_zip(self) -> bool:
        """Whether its values are not those of the field that it is named after."""
        return self.fields != (self.name,)


def joined_axes(parts: Sequence[JoinPart]) -> list[JoinedAxis]:
    """The axes of the parts, and those of constants in which they differ.

    A single constant that differs becomes an axis. Several become one axis each if the parts have all combinations,
    else one axis together, as a zip.

    Raises:
        InputError: the axes of the parts contradict each other.
    """
    known: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for dim in part.dims:
            if known.setdefault(dim, part.fields_of(dim)) != part.fields_of(dim):
                told = (
                    f"has the fields {', '.join(part.fields_of(dim))}, and in another dataset {', '.join(known[dim])}"
                )
                raise InputError(dim, told, part.name)
    swept = [field for axis in known.values() for field in axis]
    for field in swept:
        if swept.count(field) > 1:
            homes = " and ".join(repr(dim) for dim, axis in known.items() if field in axis)
            raise InputError(field, f"is on different axes: {homes}")
    found = [_united(dim, axis, [_points(part, dim, axis) for part in parts]) for dim, axis in known.items()]
    return [*found, *_of_constants(parts, swept, [axis.name for axis in found])]


def _points(part: JoinPart, dim: str, axis: tuple[str, ...]) -> list[Point]:
    return part.points(dim) if dim in part.dims else [tuple(part.constant(field) for field in axis)]


def _of_constants(parts: Sequence[JoinPart], swept: list[str], taken: list[str]) -> list[JoinedAxis]:
    """Axes of the constants that sweep files set, and that differ."""
    names = dict.fromkeys(str(name) for part in parts for name in part.data.coords)
    differ: dict[str, list[Point]] = {}
    for name in names:
        is_set = name in fields() and any(part.has_given(name) for part in parts)
        if name in swept or not is_set or any(name in p.data.coords and p.data[name].dims for p in parts):
            continue
        values = [(part.constant(name),) for part in parts]
        if len(set(values)) > 1:
            differ[name] = values
    sizes = [len(set(values)) for values in differ.values()]
    rows = list(zip(*differ.values(), strict=True))
    if len(differ) > 1 and len(set(rows)) < prod(sizes):
        name = next(name for name in (_ZIP, *(f"{_ZIP}_{number}" for number in range(2, 100))) if name not in taken)
        return [_united(name, tuple(differ), [[tuple(value for (value,) in row)] for row in rows])]
    return [_united(name, (name,), [[value] for value in values]) for name, values in differ.items()]


def _united(name: str, axis: tuple[str, ...], columns: list[list[Point]]) -> JoinedAxis:
    """All values of an axis: numbers ascend if they do so in each part; else in the order of the parts."""
    points = list(dict.fromkeys(point for column in columns for point in column))
    is_number = len(axis) == 1 and all(isinstance(value, int | float) for point in points for value in point)
    if is_number and all(column == sorted(column) for column in columns):
        points.sort()
    place = {point: number for number, point in enumerate(points)}
    for column in columns:
        if len(set(column)) < len(column):
            raise InputError(name, f"has a value twice: {shown(column)}")
    return JoinedAxis(name, axis, points, tuple(np.array([place[point] for point in column]) for column in columns))
