"""The order in which cells are computed: coarse first, so that a run that is cut short leaves the whole plane.

Along an axis, level 0 is both ends, level 1 the middle, level 2 the quarters, and so on. The level of a cell is the
highest of its axes': then the cells up to a level are a grid of their own, with every row and column whole, which can
be drawn as a coarser picture, and each further level halves its holes along all axes at once. (With the sum of the
levels the middle of the plane would come late: after the finest values of each axis at the ends of the others.) Within
a level, cells in the middle of the holes come before those on their edges.
"""

from collections.abc import Sequence

import numpy as np


def coarse_first(
    places: Sequence[np.ndarray], lengths: Sequence[int], sequences: Sequence[bool] | None = None
) -> np.ndarray:
    """For each cell a number that is the lower, the earlier it is computed; many cells have the same.

    Args:
        places: for each axis, the position of each cell along it.
        lengths: number of values along each axis. Values need not be numbers: positions alone count.
        sequences: for each axis whether its values are points of a sequence, such as Sobol's, whose beginning fills the
            space as well as it can; by default none is.

    Returns:
        int64 [cell].
    """
    if not lengths:
        return np.zeros(1, np.int64)
    sequences = [False] * len(lengths) if sequences is None else sequences
    levels = [
        sequence_levels(length) if is_sequence else axis_levels(length)
        for length, is_sequence in zip(lengths, sequences, strict=True)
    ]
    own = [level[place] for level, place in zip(levels, places, strict=True)]
    most = sum(int(level.max()) for level in levels)
    return np.max(own, axis=0) * (most + 1) + most - np.sum(own, axis=0)


def axis_levels(length: int) -> np.ndarray:
    """The level of each position along an axis of so many values, int64 [position]."""
    levels = np.zeros(length, np.int64)
    gaps, level = [(0, length - 1)], 0
    while gaps:
        level += 1
        halves = [(first, (first + last) // 2, last) for first, last in gaps if last - first > 1]
        levels[[middle for _, middle, _ in halves]] = level
        gaps = [gap for first, middle, last in halves for gap in ((first, middle), (middle, last))]
    return levels


def sequence_levels(length: int) -> np.ndarray:
    """The level of each point of a sequence, int64 [position]: each further level has as many as all before."""
    return np.ceil(np.log2(np.arange(1, length + 1))).astype(np.int64)
