"""The mean over replicates, and its bootstrap interval."""

from functools import lru_cache

import numpy as np

RESAMPLES = 2000
_AT_ONCE = 2**22  # means of resamples
_ROUNDING = 16  # times the precision of values, up to which they are equal


def mean_interval(
    values: np.ndarray, confidence: float, least: np.ndarray | float = -np.inf, most: np.ndarray | float = np.inf
) -> np.ndarray:
    """The mean along the last axis with its studentised bootstrap interval, NaN left out.

    The bootstrap-t of Efron and Tibshirani (*An Introduction to the Bootstrap*, 1993, section 12.5): unlike quantiles
    of resampled means it is not too narrow for few replicates. The same resamples, from a fixed seed, serve all cells.
    Where too many of them have values that are all equal they give no end on one side: it is the possible one.

    Args:
        values: [..., replicate], any unit; where some are infinite, so is the mean, and there is no interval.
        confidence: between 0 and 1.
        least, most: what a value can be, [...] or for all; no bound is beyond it, but for rounding of the estimate.

    Returns:
        estimate, low, high: [..., 3]; bounds are NaN for a single value, which says nothing about others.
    """
    table = values.reshape(-1, values.shape[-1]).astype(float)
    rounding = _ROUNDING * float(np.finfo(values.dtype if values.dtype.kind == "f" else float).eps)
    known = np.count_nonzero(~np.isnan(table), axis=-1)
    found = np.full((len(table), 3), np.nan)
    for number in np.unique(known[known > 0]).tolist():
        weights = _weights(number)
        alike = np.flatnonzero(known == number)
        for places in np.array_split(alike, max(1, -(-len(alike) * RESAMPLES // _AT_ONCE))):
            few = table[places]
            found[places] = _studentised(few[~np.isnan(few)].reshape(-1, number), weights, confidence, rounding)
    found = found.reshape(*values.shape[:-1], 3)
    estimate, bounds = found[..., :1], found[..., 1:]
    ends = np.fmin(np.asarray(least)[..., None], estimate), np.fmax(np.asarray(most)[..., None], estimate)
    return np.concatenate([estimate, np.clip(bounds, *ends)], axis=-1)


@lru_cache(maxsize=4)
def _weights(number: int) -> np.ndarray:
    """How often each of so many values is in a resample, as a share: [resample, value]."""
    return np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), RESAMPLES) / number


def _studentised(values: np.ndarray, weights: np.ndarray, confidence: float, rounding: float) -> np.ndarray:
    """Estimate, low and high for each row of known values, which are equal up to a relative rounding."""
    finite = np.isfinite(values).all(axis=-1)
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        mean = values.mean(axis=-1)
    centred = np.where(finite[:, None], values - np.where(finite, mean, 0.0)[:, None], 0.0)
    spread = np.sqrt((centred**2).mean(axis=-1))
    # Several equal values, but for rounding, have a point for an interval.
    varies = finite & (spread > rounding * np.abs(np.where(finite, mean, 0.0)))
    told = np.where(finite & (values.shape[1] > 1), mean, np.nan)[:, None].repeat(2, axis=1)
    if varies.any():
        told[varies] = _bounds(centred[varies], spread[varies], weights, confidence) + mean[varies, None]
    return np.concatenate([mean[:, None], told], axis=-1)


def _bounds(centred: np.ndarray, spread: np.ndarray, weights: np.ndarray, confidence: float) -> np.ndarray:
    """Low and high for rows of values whose mean is 0, from quantiles of the errors of resamples by their spreads."""
    scaled = centred / spread[:, None]
    shift = scaled @ weights.T
    variance = scaled**2 @ weights.T - shift**2
    # A resample of equal values has no spread: its mean is infinitely many of them away from that of all.
    scale = np.where(variance < 1e-9, 1e-300, np.sqrt(np.maximum(variance, 1e-9)))
    with np.errstate(over="ignore"):
        ratio = shift / scale
    tail = (1 - confidence) / 2
    bounds = -spread * np.quantile(np.clip(ratio, -1e30, 1e30), [1 - tail, tail], axis=-1, method="nearest")
    return np.where(np.abs(bounds) < 1e20 * spread, bounds, np.copysign(np.inf, bounds)).T
