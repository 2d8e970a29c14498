"""Where something is lost, described by as few regions of the axes as will do.

Cells are divided by one axis after the other, and values of an axis that have the same below them are one region: a
decision diagram with few leaves. The order of the axes is the one with the fewest. Where there would be too many
leaves, the axes that explain least are left out, and the leaves say in how many of their cells something is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import inf

import numpy as np

MOST_LEAVES = 12
_MOST_AXES = 4  # that are tried in every order
_NONE, _SOME, _ALL, _UNKNOWN = 0, 1, 2, 3


@dataclass(frozen=True)
class Tally:
    """Numbers of cells in a region.

    Attributes:
        lost: cells in which something is lost.
        known: cells in which it is known whether something is lost.
        cells: all cells.
    """

    lost: int
    known: int
    cells: int


@dataclass(frozen=True)
class Region:
    """Some values of an axis, and what is found there.

    Attributes:
        axis: number of the axis.
        places: indices of the values.
        within: a tally, or the regions that other axes divide these values into.
    """

    axis: int
    places: tuple[int, ...]
    within: "Found"


Found = Tally | tuple[Region, ...]


def divided(lost: np.ndarray, known: np.ndarray) -> Found:
    """Where something is lost.

    Args:
        lost: in which cells it is, [axis, …].
        known: in which cells it is known, [axis, …].

    Returns:
        One tally if it is the same everywhere, or if axes do not explain it; else regions that hold all cells.
    """
    tables = np.stack([lost & known, known, np.ones_like(known)]).astype(np.int64)
    useful = _by_effect(tables)
    for number in range(len(useful), 0, -1):
        found = [_ordered(tables, order) for order in permutations(useful, number)]
        best = min(found, key=_leaves)
        if isinstance(best, tuple) and _leaves(best) <= MOST_LEAVES:
            return best
    return _tally(tables)


def _by_effect(tables: np.ndarray) -> list[int]:
    """The axes along which the share of losses varies most, in the order of the dataset."""
    effects = {}
    for axis in range(tables.ndim - 1):
        others = tuple(each + 1 for each in range(tables.ndim - 1) if each != axis)
        lost, known, _ = tables.sum(axis=others)
        shares = lost[known > 0] / known[known > 0]
        effects[axis] = float(np.ptp(shares)) if shares.size else 0.0
    several = [axis for axis in effects if tables.shape[axis + 1] > 1]
    return sorted(sorted(several, key=lambda axis: -effects[axis])[:_MOST_AXES])


def _ordered(tables: np.ndarray, order: Sequence[int]) -> Found | None:
    """The regions with axes in this order, None if too many; axes that it leaves out are summed over."""
    rest = tuple(axis + 1 for axis in range(tables.ndim - 1) if axis not in order)
    kept = sorted(order)
    summed = tables.sum(axis=rest).transpose(0, *(kept.index(axis) + 1 for axis in order))
    return _divide(summed, list(order))


def _divide(tables: np.ndarray, axes: list[int]) -> Found | None:
    kinds = _kinds(tables)
    if tables.ndim == 1 or (kinds == kinds.flat[0]).all():
        return _tally(tables)
    groups: dict[bytes, list[int]] = {}
    for place, slab in enumerate(kinds):
        groups.setdefault(slab.tobytes(), []).append(place)
    if len(groups) == 1:
        return _divide(tables.sum(axis=1), axes[1:])
    if len(groups) > MOST_LEAVES:
        return None
    regions = []
    for places in groups.values():
        within = _divide(tables[:, places].sum(axis=1), axes[1:])
        if within is None:
            return None
        regions.append(Region(axes[0], tuple(places), within))
    return tuple(regions)


def _kinds(tables: np.ndarray) -> np.ndarray:
    """Whether all, some or none is lost at each place, or nothing is known."""
    lost, known, _ = tables
    kinds = np.where(lost == 0, _NONE, np.where(lost == known, _ALL, _SOME))
    return np.ascontiguousarray(np.where(known == 0, _UNKNOWN, kinds).astype(np.int8))


def _tally(tables: np.ndarray) -> Tally:
    return Tally(*tables.reshape(3, -1).sum(axis=1).tolist())


def _leaves(found: Found | None) -> float:
    """How many tallies there are; infinitely many where there is only one, which says nothing about axes."""
    return _count(found) if isinstance(found, tuple) else inf


def _count(found: Found) -> int:
    return sum(_count(region.within) for region in found) if isinstance(found, tuple) else 1
