"""A binomial variate, by inversion or by transformed rejection (Hörmann 1993)."""

import math

import numpy as np
from numba import njit

from benchmarks.kernel.compiled.bits import uniform

_INVERTED = 10.0  # expected successes below which inversion is faster
_STIRLING = np.array(
    [math.lgamma(k + 1) - (k + 0.5) * math.log(k + 1) + k + 1 - math.log(2 * math.pi) / 2 for k in range(10)]
)


@njit(error_model="numpy")
def binomial(state, trials, probability):
    """The next state, and the number of successes."""
    p = min(probability, 1 - probability)
    if trials * p < _INVERTED:
        state, successes = _inversion(state, float(trials), p)
    else:
        state, successes = _rejection(state, float(trials), p)
    return state, trials - np.int64(successes) if probability > p else np.int64(successes)


@njit(inline="always", error_model="numpy")
def _inversion(state, n, p):
    odds = p / (1 - p)
    mass = math.exp(n * math.log1p(-p))
    state, u = uniform(state)
    k = 0.0
    while u > mass and k < n:
        u -= mass
        k += 1
        mass *= odds * (n - k + 1) / k
    return state, k


@njit(error_model="numpy")
def _rejection(state, n, p):
    """BTRS, for n p ≥ 10 and p ≤ 1/2."""
    deviation = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    surely = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * deviation
    mode = math.floor((n + 1) * p)
    odds = p / (1 - p)
    while True:
        state, u = uniform(state)
        state, v = uniform(state)
        u -= 0.5
        distance = 0.5 - abs(u)
        k = math.floor((2 * a / distance + b) * u + n * p + 0.5)
        if distance >= 0.07 and v <= surely:
            return state, k
        if k < 0 or k > n:
            continue
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
            + (n + 1) * math.log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _stirling(mode)
            + _stirling(n - mode)
            - _stirling(k)
            - _stirling(n - k)
        )
        if math.log(v * alpha / (a / (distance * distance) + b)) <= bound:
            return state, k


@njit(inline="always", error_model="numpy")
def _stirling(k):
    """What Stirling's formula for ln k! at k + 1 leaves out."""
    if k < 10:
        return _STIRLING[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
