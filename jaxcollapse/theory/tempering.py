"""τ_T(p), the distribution p at temperature T, with exact zeros and at both ends of T."""

import math

import numpy as np
from jaxtyping import Float


def tempered(p: Float[np.ndarray, "*row token"], temperature: float) -> Float[np.ndarray, "*row token"]:
    """τ_T(p)_i = p_i^{1/T} / Σ_j p_j^{1/T}, row by row.

    T = 0 is the argmax, tokens that tie share its mass; T = ∞ is uniform over the tokens that p has.
    """
    peak = p.max(axis=-1, keepdims=True)
    if temperature == 0:
        weights = (p == peak).astype(np.float64)
    elif temperature == math.inf:
        weights = (p > 0).astype(np.float64)
    else:
        with np.errstate(divide="ignore"):
            weights = np.exp(np.log(p / peak) / temperature)
    return weights / weights.sum(axis=-1, keepdims=True)
