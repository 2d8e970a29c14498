"""Places of the dataset that have the same process as an earlier one.

They differ in fields that have no effect there, as `b1` has none on SGD: their cell is computed once. Or they differ in
the last digits of a number, as programs make them, 0.30000000000000004 and 0.3: each is computed, with the random
numbers of its own identity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from jaxcollapse.parts.cell_kinds import samples
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.grid import Column, Grid
from jaxcollapse.sweep.identity import stable_hash
from jaxcollapse.sweep.process_fields import fields

_NEAR = 1e-6  # relative, which includes the rounding of float32


@dataclass(frozen=True)
class EqualCells:
    """Places with the same process as another place.

    Attributes:
        cells: number of places that repeat another one.
        computed: the number of them that are computed nevertheless, since numbers differ in the last digits.
        fields: the fields in which they differ from it.
        example: one of them, and the one that it repeats.
    """

    cells: int
    computed: int
    fields: tuple[str, ...]
    example: tuple[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON data."""
        return {
            "cells": self.cells,
            "computed": self.computed,
            "fields": list(self.fields),
            "example": list(self.example),
        }


def equal_cells(grid: Grid) -> EqualCells | None:
    """The places of a grid that repeat an earlier one; None if all are different."""
    swept = dict.fromkeys(name.split(".")[0] for axis in grid.axes for name in (*axis.fields, *axis.derived))
    read = np.zeros(grid.cells, np.uint64)
    for field in (name for name in (*swept, *grid.derived) if name in fields() and name != "samples"):
        read += np.where(grid.reads(field), _hashes(field, grid.column(field)), np.uint64(0))
    if not swept.keys().isdisjoint(("samples", "batch_size", "steps")):  # where samples are not given, they follow
        values, codes = np.unique(samples(grid), return_inverse=True)
        read += _hashes("samples", Column(values.tolist(), codes.reshape(-1)))
    own = np.arange(grid.size) if grid.places is None else np.flatnonzero(grid.places.at >= 0)
    cells = grid.at_places(np.arange(grid.cells), -1)[own]
    _, first, group = np.unique(read[cells], return_index=True, return_inverse=True)
    earlier = own[first[group.reshape(-1)]]
    if not len(repeats := np.flatnonzero(earlier != own)):
        return None
    places = zip(grid.axes, np.unravel_index(earlier, grid.shape), np.unravel_index(own, grid.shape), strict=True)
    differ = [field for axis, one, other in places if (one != other).any() for field in axis.fields]
    return EqualCells(
        len(repeats),
        len(repeats) - (len(own) - grid.cells),
        tuple(differ),
        (_told(grid, int(own[repeats[0]])), _told(grid, int(earlier[repeats[0]]))),
    )


def _hashes(field: str, column: Column) -> np.ndarray:
    """A number for each cell that follows from its value of a field, up to rounding."""
    return np.array([stable_hash(field, rounded(value)) for value in column.values], np.uint64)[column.codes]


def rounded(value: Any) -> Any:
    """A value with its numbers rounded to twelve digits, as those of `linspace` and `geomspace` are."""
    if isinstance(value, BaseModel):
        return rounded(value.model_dump())
    if isinstance(value, Mapping):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


def is_near(one: Any, other: Any) -> bool:
    """Whether two values are the same but for the last digits of numbers."""
    if isinstance(one, BaseModel) and type(one) is type(other):
        return is_near(one.model_dump(), other.model_dump())
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_near(entry, other[key]) for key, entry in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_near, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return one == other or abs(one - other) <= _NEAR * abs(one) < np.inf
    return bool(one == other)


def _told(grid: Grid, place: int) -> str:
    at = np.unravel_index(place, grid.shape)
    return ", ".join(
        f"{field} = {values[index]!r}" if isinstance(values[index], float) else f"{field} = {label(values[index])}"
        for axis, index in zip(grid.axes, at, strict=True)
        for field, values in axis.fields.items()
    )
