"""The band that holds most of the replicates, and the median in it."""

import numpy as np

BAND = (0.1, 0.9)


def banded(values: np.ndarray) -> np.ndarray:
    """The quantiles along the last axis that bound 80 % of the known values, with the lower median between them.

    Each is one of the values and so may be infinite; NaN where none is known.

    Args:
        values: [..., replicate], any unit.

    Returns:
        low, median, high: [..., 3].
    """
    ordered = np.sort(values, axis=-1)
    last = np.maximum(np.count_nonzero(~np.isnan(values), axis=-1, keepdims=True) - 1, 0)
    low, high = (np.round(level * last).astype(int) for level in BAND)
    return np.take_along_axis(ordered, np.concatenate([low, last // 2, high], axis=-1), axis=-1)
