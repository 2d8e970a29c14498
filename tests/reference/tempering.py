"""The tempering τ_T of one distribution that is nearest to another: by a bounded search over ln T."""

from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from tests.reference.laws import TINY

_SCAN = np.linspace(-70, 70, 1401)  # ln T


class Nearest(NamedTuple):
    """Where KL(target ‖ softmax(base / T)) is least, and what it is there. fixed: the part of rows without a choice."""

    temperature: float
    gap: float
    fixed: float = 0.0


def nearest(log_target: np.ndarray, base: np.ndarray) -> Nearest:
    """Of one row."""
    return nearest_common(log_target[None], base[None], np.ones(1))


def nearest_common(log_target: np.ndarray, base: np.ndarray, weights: np.ndarray) -> Nearest:
    """Where Σ weights · KL(target ‖ softmax(base / T)) is least, for rows [row, token] with one temperature.

    The ends T = 0 and T = ∞ are compared with what the search finds.
    """
    counted = weights > 0
    log_target, base, weights = log_target[counted], base[counted], weights[counted]
    target, possible = np.exp(log_target), base > -np.inf
    held = target > TINY
    if (held & ~possible).any():
        return Nearest(np.nan, np.inf)
    depth = np.where(possible, base.max(axis=1, keepdims=True) - np.where(possible, base, 0), 0)

    def divergence(inverse_temperature: np.ndarray) -> np.ndarray:
        cooled = np.where(possible, -depth * inverse_temperature[..., None, None], -np.inf)
        log_q = special.log_softmax(cooled, axis=-1)
        differences = np.where(held, log_target, 0) - np.where(held, log_q, 0)
        return (weights[:, None] * target * differences).sum(axis=(-2, -1), where=held)

    if not depth.any():
        return Nearest(np.nan, float(divergence(np.zeros(()))))
    if not (held & (depth > 0)).any():
        modes = (possible & (depth == 0)).sum(axis=1, keepdims=True)
        surplus = np.where(held, log_target, 0) + np.log(modes)
        return Nearest(0.0, float((weights[:, None] * target * surplus).sum(where=held)))
    scanned = divergence(np.exp(-_SCAN))
    best = int(np.argmin(scanned))
    found = optimize.minimize_scalar(
        lambda log_temperature: divergence(np.exp(-np.asarray(log_temperature))),
        bounds=_SCAN[[max(best - 1, 0), min(best + 1, len(_SCAN) - 1)]],
        method="bounded",
        options={"xatol": 1e-10},
    )
    at_infinity = float(divergence(np.zeros(())))
    if at_infinity <= found.fun * (1 + 1e-12) + 1e-15:
        return Nearest(np.inf, at_infinity)
    return Nearest(float(np.exp(found.x)), float(found.fun))
