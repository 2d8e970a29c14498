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


def smoothed(log_start: np.ndarray, logits: np.ndarray, samples: float, temperature: float = 1.0) -> np.ndarray:
    """ln of N samples at a temperature and one more, which is spread over the tokens that are lost, if any is."""
    lost = np.isfinite(log_start) & np.isinf(logits)
    depth = np.max(logits) - logits
    p = (
        special.softmax(-np.where(depth > 0, depth / temperature, 0))
        if temperature
        else (depth == 0) / (depth == 0).sum()
    )
    return log((samples * p + lost / lost.sum()) / (samples + 1)) if lost.any() else log(p)


def left(log_start: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """ln of p0 given that the token is not lost; −∞ for all where everything is."""
    kept = np.where(np.isinf(logits), -np.inf, log_start)
    return special.log_softmax(kept) if np.isfinite(kept).any() else kept
