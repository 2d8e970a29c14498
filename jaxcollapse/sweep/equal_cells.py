"""Cells that are the same process in all that they read.

They differ in fields that have no effect on them, as `b1` has none on SGD, or in the last digits of a number, as
programs make them: 0.30000000000000004 and 0.3. Each is computed, with the random numbers of its own identity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from jaxcollapse.parts.cell_kinds import samples
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.grid import Column, Grid, stable_hash
from jaxcollapse.sweep.process_fields import used_when

_NEAR = 1e-6  # relative, which includes the rounding of float32


@dataclass(frozen=True)
class EqualCells:
    """Cells that are the same process as another cell.

    Attributes:
        cells: number of cells that repeat another one.
        fields: the fields in which they differ from it.
        example: one of them, and the one that it repeats.
    """

    cells: int
    fields: tuple[str, ...]
    example: tuple[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON data."""
        return {"cells": self.cells, "fields": list(self.fields), "example": list(self.example)}


def equal_cells(grid: Grid) -> EqualCells | None:
    """The cells of a grid that repeat an earlier one; None if all are different."""
    swept = dict.fromkeys(name.split(".")[0] for axis in grid.axes for name in axis.fields)
    read = np.zeros(grid.cells, np.uint64)
    for field in swept:
        if field == "samples":
            continue
        has_effect = used_when()[field].holds(grid) if field in used_when() else np.True_
        read += np.where(has_effect, _hashes(field, grid.column(field)), np.uint64(0))
    if not swept.keys().isdisjoint(("samples", "batch_size", "steps")):  # where samples are not given, they follow
        values, codes = np.unique(samples(grid), return_inverse=True)
        read += _hashes("samples", Column(values.tolist(), codes.reshape(-1)))
    _, first, group = np.unique(read, return_index=True, return_inverse=True)
    earlier, own = first[group.reshape(-1)], np.arange(grid.cells)
    repeats = np.flatnonzero(earlier != own)
    if not len(repeats):
        return None
    places = zip(grid.axes, np.unravel_index(earlier, grid.shape), np.unravel_index(own, grid.shape), strict=True)
    fields = [field for axis, one, other in places if (one != other).any() for field in axis.fields]
    return EqualCells(
        len(repeats), tuple(fields), (_told(grid, int(repeats[0])), _told(grid, int(earlier[repeats[0]])))
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


def _told(grid: Grid, cell: int) -> str:
    return ", ".join(
        f"{field} = {value!r}" if isinstance(value, float) else f"{field} = {label(value)}"
        for field, value in grid.cell(cell).items()
    )
