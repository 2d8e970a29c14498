"""Which cells a sweep lacks where neighbours disagree: boxes of its grid are halved until they are narrow enough.

The corners of a box are cells. Where some of them are on one side of a level and some on the other, a boundary runs
through the box: it is halved along the axes on which it is too wide, and so on. Between two corners that agree the
boundary is not sought, so what lies wholly within a box of the first grid is not found.

Where no cell of a box is sure to be on its side, on which side cells are is a matter of chance, and smaller boxes would
follow the noise. Such a box is halved once, since a few cells may not be sure by chance; a half that has no sure cell
either is left as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import xarray as xr

from jaxcollapse.analysis.crossing import is_logarithmic
from jaxcollapse.errors import InputError, did_you_mean, shown
from jaxcollapse.sweep.axes import Axis, is_whole
from jaxcollapse.sweep.grid import whole_or_rounded
from jaxcollapse.sweep.reading import plain
from jaxcollapse.sweep.sweep import Sweep

Place = tuple[float, ...]  # values along the axes that are refined


class Side(NamedTuple):
    """The side of a level that a cell is on.

    Attributes:
        is_above: whether its estimate is above the level.
        is_sure: whether its interval is on that side, too.
    """

    is_above: bool
    is_sure: bool = True


@dataclass(frozen=True)
class Refined:
    """An axis that is refined.

    Attributes:
        name: its name.
        width: how far apart neighbours may be that disagree: a number, or a share of the axis's range.
        is_share: whether it is a share.
        first: the values of the first grid, in ascending order.
        is_log: whether these are spaced by ratio, by `crossing.is_logarithmic`.
    """

    name: str
    width: float
    is_share: bool
    first: tuple[float, ...]
    is_log: bool

    @classmethod
    def of(cls, axis: Axis, width: str | float) -> "Refined":
        """An axis of the first grid, and the width that is wanted: 0.01, or "1%" of the axis's range.

        Raises:
            InputError: the axis has no numbers between which there are others, or the width is not a positive number.
        """
        values = axis.fields[axis.name] if list(axis.fields) == [axis.name] and not axis.derived else []
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        finite = sorted(float(value) for value in values if np.isfinite(value)) if numbers else []
        if len(finite) < 2:
            raise InputError("axis", f"{axis.name!r} has no two finite numbers, between which there could be others")
        share = isinstance(width, str) and width.endswith("%")
        try:
            number = float(str(width).removesuffix("%")) / (100 if share else 1)
        except ValueError:
            number = np.nan
        if not 0 < number < np.inf:
            raise InputError(
                "to", f"{shown(width)}: must be a positive number, or a share of the axis's range as in 1%"
            )
        return cls(axis.name, number, share, tuple(finite), is_logarithmic(np.array(finite)))

    def halved(self, low: float, high: float) -> tuple[float, ...]:
        """Two neighbours, with the value in their middle if they are farther apart than they may be."""
        middle = self.middle(low, high) if self._is_wide(low, high) else None
        return (low, high) if middle is None else (low, middle, high)

    def _is_wide(self, low: float, high: float) -> bool:
        if not self.is_share:
            return high - low > self.width
        at = np.log if self.is_log else np.asarray
        return bool(at(high) - at(low) > self.width * (at(self.first[-1]) - at(self.first[0])))

    def middle(self, low: float, high: float) -> float | None:
        """The value in the middle between two; None if there is none."""
        found = whole_or_rounded(self.name, float(np.sqrt(low * high)) if self.is_log else (low + high) / 2)
        return float(found) if low < found < high else None


def refined_axes(sweep: Sweep, widths: Mapping[str, str | float]) -> tuple[Refined, ...]:
    """The axes to be refined, of the first grid of a sweep.

    Args:
        sweep: the sweep.
        widths: for each axis how far apart neighbours may be that disagree.

    Raises:
        InputError: there is no such axis.
    """
    first = {axis.name: axis for axis in sweep.tables[0]}
    for name in widths:
        if name not in first:
            raise InputError("axis", f"{shown(name)} is not an axis of the first grid{did_you_mean(name, first)}")
    return tuple(Refined.of(first[name], width) for name, width in widths.items())


@dataclass(frozen=True)
class Lacking:
    """Cells that are to be computed.

    Attributes:
        others: for each other axis of the sweep the index of its value; −1 if the cells do not take it from the axis.
        points: values along the axes that are refined.
    """

    others: dict[str, int]
    points: tuple[Place, ...]


def lacking(
    sweep: Sweep, axes: Sequence[Refined], above: xr.DataArray, sure: xr.DataArray | None = None
) -> list[Lacking]:
    """The cells that the next round of refinement needs.

    Args:
        sweep: the sweep.
        axes: the axes that are refined.
        above: for each place of the dataset 1 if its cell is above the level, 0 if it is below, NaN if it is not known.
        sure: whether its interval is there, too; by default all are.
    """
    names, grid = [axis.name for axis in axes], sweep.grid
    rest = [name for name in sweep.dims if name not in names]
    coordinates = {axis.name: axis.fields for axis in grid.axes}
    values = [np.array(coordinates[name][name], float) for name in names]
    is_sure = xr.ones_like(above, bool) if sure is None else sure
    sides, surely = (each.transpose(*rest, *names).values for each in (above, is_sure))
    found = []
    for others in np.unique(grid.codes[[sweep.dims.index(name) for name in rest]], axis=1).T.tolist() if rest else [[]]:
        at_others = tuple(max(place, 0) for place in others)
        here, surely_here = sides[at_others], surely[at_others]
        known = {
            tuple(float(each[at]) for each, at in zip(values, place, strict=True)): Side(
                bool(here[place]), bool(surely_here[place])
            )
            for place in map(tuple, np.argwhere(~np.isnan(here)).tolist())
        }
        boxes = (list(product(*box)) for box in product(*map(_gaps, axes)))
        whole = (box for box in boxes if all(corner in known for corner in box))  # no part that the sweep leaves out
        corners = ({corner: known[corner] for corner in box} for box in whole)
        if points := dict.fromkeys(point for box in corners for point in _wanted(axes, box, known)):
            found.append(Lacking(dict(zip(rest, others, strict=True)), tuple(points)))
    return found


def _gaps(axis: Refined) -> Iterator[tuple[float, float]]:
    """Neighbours of the first grid along an axis."""
    return pairwise(axis.first)


def _wanted(
    axes: Sequence[Refined], corners: Mapping[Place, Side], known: Mapping[Place, Side], *, was_chance: bool = False
) -> Iterator[Place]:
    """The points that a box needs next, or the boxes that it was halved into.

    Args:
        axes: the axes that are refined.
        corners: the side that each corner of the box is on.
        known: the sides that cells are on.
        was_chance: whether the box that it is a half of has no sure cell.
    """
    ends = [sorted(set(column)) for column in zip(*corners, strict=True)]
    # Also cells within the box and on its sides, as those that a neighbouring box has asked for.
    inside = {
        point: side
        for point, side in known.items()
        if all(low <= at <= high for at, (low, high) in zip(point, ends, strict=True))
    }
    here = {*corners.values(), *inside.values()}
    is_chance = not any(side.is_sure for side in here)
    if len({side.is_above for side in here}) == 1 or (was_chance and is_chance):
        return
    split = [axis.halved(low, high) for axis, (low, high) in zip(axes, ends, strict=True)]
    if all(len(each) == 2 for each in split):
        yield from (corner for corner in corners if corner not in inside)  # what was taken to be on a side is computed
        return
    # What is between corners that agree is taken to be on their side, unless its cell is known.
    sides: dict[Place, Side | None] = {}
    for point in product(*split):
        around = product(*([at] if at in end else end for at, end in zip(point, ends, strict=True)))
        above, surely = zip(*(corners[corner] for corner in around), strict=True)
        sides[point] = inside.get(point, Side(above[0], all(surely)) if len(set(above)) == 1 else None)
    if new := [point for point, side in sides.items() if side is None]:
        yield from new
        return
    for half in product(*(pairwise(each) for each in split)):
        halved = {corner: side for corner in product(*half) if (side := sides[corner]) is not None}
        yield from _wanted(axes, halved, inside, was_chance=is_chance)


def extended(sweep: Sweep, axes: Sequence[Refined], more: Sequence[Lacking]) -> Sweep:
    """The sweep with these cells: one further `[[grid]]` for each combination of the other axes' values."""
    first = {axis.name: axis for axis in sweep.tables[0]}
    data = sweep.to_dict()
    grids = [dict(table) for table in data.get("grid", [])]
    for each in more:
        columns = {
            axis.name: [_written(first[axis.name], point[number]) for point in each.points]
            for number, axis in enumerate(axes)
        }
        table = {name: _only(sweep, name, place) for name, place in each.others.items() if place >= 0}
        same = next((grid for grid in grids if {**grid, "points": None} == {**table, "points": None}), None)
        if same is None:
            grids.append({**table, "points": columns})
        else:
            same["points"] = {name: [*same["points"].get(name, []), *values] for name, values in columns.items()}
    return sweep.replace(grid=grids)


def _written(axis: Axis, value: float) -> int | float:
    return int(value) if is_whole(axis.name) or all(isinstance(each, int) for each in axis.fields[axis.name]) else value


def _only(sweep: Sweep, name: str, place: int) -> object:
    """One value of an axis, as a sweep file has it."""
    (axis,) = (each for each in sweep.grid.axes if each.name == name)
    if axis.derived:
        raise InputError("axis", f"{name} is an axis of factors, which cannot be held while another axis is refined")
    values = plain({field: [column[place]] for field, column in axis.fields.items()})
    return values[name] if list(values) == [name] else {"zip": values}
