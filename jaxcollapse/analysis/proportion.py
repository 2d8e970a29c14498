"""The share of replicates for which something holds, and its exact interval."""

import numpy as np
from numpy.typing import ArrayLike


def proportion_interval(happened: ArrayLike, number: ArrayLike, confidence: float) -> np.ndarray:
    """A share with the interval of Clopper and Pearson (Biometrika 26, 1934), which covers no less often than it says.

    Args:
        happened: [...], for how many it holds.
        number: [...], of how many.
        confidence: between 0 and 1.

    Returns:
        estimate, low, high: [..., 3]; NaN where the number is 0.
    """
    from scipy.special import betaincinv  # which takes long to import

    happened, number = (np.asarray(each, float) for each in np.broadcast_arrays(happened, number))
    known = number > 0
    tail = (1 - confidence) / 2
    share = np.divide(happened, number, out=np.full(number.shape, np.nan), where=known)
    # The beta law has no parameter 0: with none, or with all, the bound is 0 or 1.
    low = np.where(happened > 0, betaincinv(np.maximum(happened, 1), number - happened + 1, tail), 0.0)
    rest = number - happened
    high = np.where(rest > 0, betaincinv(happened + 1, np.maximum(rest, 1), 1 - tail), 1.0)
    return np.stack([share, np.where(known, low, np.nan), np.where(known, high, np.nan)], axis=-1)
