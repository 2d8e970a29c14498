"""Some cells, described by boxes: all combinations of some values of each axis."""

from collections.abc import Sequence
from itertools import permutations
from math import prod

import numpy as np

from jaxcollapse.report.axes import ShownAxis, listed

_MOST_SEEDS = 48  # cells from which boxes are grown
_MOST_AXES = 4  # that are tried in every order
_MOST_LISTED = 8  # values without an order

Box = tuple[tuple[int, ...], ...]  # for each axis, the places of its values in ascending order


def boxes(cells: np.ndarray, axes: Sequence[ShownAxis], most: int) -> list[Box]:
    """Large boxes that hold nothing but these cells, those with most cells that no box before has first.

    Along an axis of numbers a box has all values between two. The boxes may leave out some of the cells.

    Args:
        cells: which cells are meant, [axis, …].
        axes: of the cells.
        most: number of boxes.
    """
    orders = [np.arange(len(axis)) if axis.order is None else np.array(axis.order) for axis in axes]
    table = cells[np.ix_(*orders)]
    ordered = [axis.order is not None for axis in axes]
    left, found = table.copy(), list[Box]()
    while left.any() and len(found) < most:
        seeds = np.argwhere(left)
        seeds = seeds[np.unique(np.linspace(0, len(seeds) - 1, _MOST_SEEDS).astype(int))]
        grown = {_grown(table, tuple(seed.tolist()), order, ordered) for seed in seeds for order in _orders(axes)}
        best = max(sorted(grown), key=lambda box: (int(left[np.ix_(*box)].sum()), prod(map(len, box))))
        left[np.ix_(*best)] = False
        found.append(best)
    return [
        tuple(tuple(order[list(places)].tolist()) for order, places in zip(orders, box, strict=True)) for box in found
    ]


def told(box: Box, axes: Sequence[ShownAxis]) -> str:
    """ "temperature 1, learning rate ≤ 1 and batch size ≥ 256": the values of axes that a box does not have whole."""
    parts = [_part(axis, places) for axis, places in zip(axes, box, strict=True) if len(places) < len(axis)]
    return listed(parts)


def _part(axis: ShownAxis, places: tuple[int, ...]) -> str:
    if axis.are_many(places):
        return axis.told(places)
    if axis.order is None and len(places) > _MOST_LISTED:
        return f"{len(places)} of the {len(axis)} values of {axis.words}"
    if axis.order is None or len(places) == 1:
        return f"{axis.words} {listed([axis.labels[place] for place in places], 'or')}"
    low, high = axis.labels[places[0]], axis.labels[places[-1]]
    if places[0] == axis.order[0]:
        return f"{axis.words} ≤ {high}"
    if places[-1] == axis.order[-1]:
        return f"{axis.words} ≥ {low}"
    return f"{axis.words} from {low} to {high}"


def _orders(axes: Sequence[ShownAxis]) -> list[tuple[int, ...]]:
    """The orders in which a box may grow along its axes."""
    several = [place for place, axis in enumerate(axes) if len(axis) > 1]
    if len(several) <= _MOST_AXES:
        return list(permutations(several))
    return [(*several[start:], *several[:start]) for start in range(len(several))]


def _grown(table: np.ndarray, seed: tuple[int, ...], order: tuple[int, ...], ordered: list[bool]) -> Box:
    """The box that grows from a cell along one axis after the other, as far as it holds nothing else."""
    box: list[tuple[int, ...]] = [(place,) for place in seed]
    for axis in order:
        slabs = np.moveaxis(table[np.ix_(*(*box[:axis], range(table.shape[axis]), *box[axis + 1 :]))], axis, 0)
        fits = np.asarray(slabs.reshape(table.shape[axis], -1).all(axis=1))
        if ordered[axis]:
            gaps = np.flatnonzero(~fits)
            start, stop = gaps[gaps < seed[axis]].max(initial=-1) + 1, gaps[gaps > seed[axis]].min(initial=fits.size)
            box[axis] = tuple(range(int(start), int(stop)))
        else:
            box[axis] = tuple(np.flatnonzero(fits).tolist())
    return tuple(box)
