"""Which trajectories a dataset does not have."""

from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.labels import entries, heading
from jaxcollapse.analysis.status import cell_dims, has_status, status_of

_COLUMNS = ("missing", "diverged", "replicates missing", "replicates diverged")


def missing(data: xr.Dataset) -> pd.DataFrame:
    """A table of the cells that lack trajectories: how many are not computed, how many diverged, and which replicates.

    The index has the values of the axes; cells that are complete have no row.

    Args:
        data: a result, or any part of it that still has its replicates.

    Raises:
        ValueError: the dataset has no `status` along `replicate`, or no replicates.
    """
    status_of(data)
    data = in_order(data)
    status = status_of(data)
    lost = {
        meaning: has_status(data, meaning).transpose(..., "replicate").values for meaning in ("missing", "diverged")
    }
    axes = cell_dims(status)
    numbers = data["replicate"].values
    places = np.argwhere((lost["missing"] | lost["diverged"]).any(axis=-1))
    labels = {name: entries(data, name) for name in axes}
    rows = []
    for place in map(tuple, places.tolist()):
        which = {meaning: numbers[holds[place]].tolist() for meaning, holds in lost.items()}
        rows.append([*map(len, which.values()), *map(_ranges, which.values())])
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    if axes:
        keys = [[labels[name][place] for name, place in zip(axes, cell, strict=True)] for cell in places.tolist()]
        table.index = pd.MultiIndex.from_arrays(
            [list(column) for column in zip(*keys, strict=True)] or [[] for _ in axes],
            names=[heading(data, name) for name in axes],
        )
    return table


def _ranges(numbers: list[int]) -> str:
    """ "0–3, 7" for 0, 1, 2, 3, 7."""
    starts = [b for a, b in pairwise([-2, *numbers]) if b != a + 1]
    ends = [a for a, b in pairwise([*numbers, -2]) if b != a + 1]
    return ", ".join(f"{start}" if start == end else f"{start}–{end}" for start, end in zip(starts, ends, strict=True))
