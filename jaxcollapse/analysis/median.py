"""The median over replicates, and its exact interval."""

import numpy as np
import xarray as xr


def median(values: xr.DataArray) -> xr.DataArray:
    """The lower median over replicates, which is one of the values and so may be infinite; NaN if all are."""
    return xr.apply_ufunc(lower_median, values.compute(), input_core_dims=[["replicate"]])


def lower_median(values: np.ndarray) -> np.ndarray:
    """The lower median along the last axis, NaN left out."""
    ordered, known = _ordered(values)
    return _pick(ordered, _middle(known))[..., 0]


def median_interval(values: np.ndarray, confidence: float) -> np.ndarray:
    """The lower median along the last axis with its interval between two order statistics, NaN left out.

    Of n values the number below the true median is Binomial(n, 1/2), at most, whatever their law. So the k-th smallest
    and the k-th largest enclose it with probability 1 − 2 P(Binomial(n, 1/2) < k), at least (David and Nagaraja,
    *Order Statistics*, 2003, section 7.1). The largest k with the wanted confidence is taken.

    Args:
        values: [..., replicate], any unit; may be infinite.
        confidence: between 0 and 1.

    Returns:
        estimate, low, high: [..., 3]; bounds are NaN where so few values have no interval of this confidence.
    """
    ordered, known = _ordered(values)
    rank = ranks(confidence, int(known.max(initial=0)))[known]
    estimate = _pick(ordered, _middle(known))
    low = np.where(rank > 0, _pick(ordered, np.maximum(rank - 1, 0)), np.nan)
    high = np.where(rank > 0, _pick(ordered, np.maximum(known - np.maximum(rank, 1), 0)), np.nan)
    return np.concatenate([estimate, low, high], axis=-1)


def ranks(confidence: float, most: int) -> np.ndarray:
    """For 0 … `most` values, the rank k of the order statistics that bound their median; 0 for too few values."""
    from scipy.special import bdtr  # which takes long to import

    tail = (1 - confidence) / 2
    found = np.zeros(most + 1, int)
    for number in range(1, most + 1):
        # P(Binomial < k) grows with k, and so does the k of growing numbers, by at most one.
        rank = found[number - 1] + 1
        found[number] = rank if bdtr(rank - 1, number, 0.5) <= tail else rank - 1
    return found


def _ordered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted along the last axis, with NaN at its end, and how many are known: [..., 1]."""
    return np.sort(values, axis=-1), np.count_nonzero(~np.isnan(values), axis=-1, keepdims=True)


def _middle(known: np.ndarray) -> np.ndarray:
    """The place of the lower median of so many."""
    return np.maximum(known - 1, 0) // 2


def _pick(ordered: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.take_along_axis(ordered, place, axis=-1)
