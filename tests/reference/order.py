"""The nearest increasing function, and smoothing, in float64."""

import numpy as np
from scipy import optimize, special

from tests.reference.laws import kl, log


def order_gap(log_target: np.ndarray, logits: np.ndarray) -> float:
    """min over increasing f with f(0) = 0 of KL(target ‖ f(p)): isotonic regression, equal probabilities as one."""
    possible = np.isfinite(log_target)
    if np.isinf(logits[possible]).any():
        return np.inf
    target = np.exp(log_target[possible])
    _, group = np.unique(logits[possible], return_inverse=True)
    mass, tokens = np.bincount(group, target), np.bincount(group)
    fit = optimize.isotonic_regression(mass / tokens, weights=tokens).x
    return kl(log_target[possible], log(fit[group]))


def smoothed(log_start: np.ndarray, logits: np.ndarray, samples: float) -> np.ndarray:
    """ln p of N samples and one more, which is spread over the tokens that are lost; the logits if none is."""
    lost = np.isfinite(log_start) & np.isinf(logits)
    if not lost.any():
        return logits
    return log((samples * special.softmax(logits) + lost / lost.sum()) / (samples + 1))
