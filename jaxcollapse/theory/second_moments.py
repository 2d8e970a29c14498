"""How the mean of H = 1 − Σ p² changes in one generation of refits at temperature 1, real data and smoothing included.

The mean of Σ p p0 is all that has to be known beside it. Both are kept as differences from 1, so that what is nearly
nothing keeps its digits.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class SecondMoments(NamedTuple):
    """Means over trajectories of second moments.

    Attributes:
        within: mean of 1 − Σ p².
        between: mean of 1 − Σ p p0.
    """

    within: float
    between: float

    @classmethod
    def of(cls, p0: Float[np.ndarray, " token"]) -> "SecondMoments":
        """The second moments at generation 0, where every model is p0."""
        original = heterozygosity(p0)
        return cls(original, original)

    def after(
        self,
        p0: Float[np.ndarray, " token"],
        samples: float,
        mixing: float,
        fresh_fraction: float,
        smoothing: float,
    ) -> "SecondMoments":
        """One generation later.

        The model is then x p + r p0 + u/V, r and u the parts of real data and pseudo-counts, plus what sampling adds.
        """
        original, tokens = heterozygosity(p0), int(np.count_nonzero(p0))
        even = 1 - 1 / tokens
        pseudo = 0.0 if math.isinf(samples) else smoothing * tokens / (samples + smoothing * tokens)
        real = mixing * (1 - pseudo) * fresh_fraction
        uniform = mixing * pseudo
        same = 1 - real - uniform
        expected = same**2 * self.within + real**2 * original + 2 * same * real * self.between
        expected += uniform * (uniform + 2 * same + 2 * real) * even
        m = fresh_fraction
        sampled = (1 - m) ** 2 * self.within + 2 * m * (1 - m) * self.between + m**2 * original
        noise = (mixing * (1 - pseudo)) ** 2 * sampled / samples
        return SecondMoments(expected - noise, same * self.between + real * original + uniform * even)


def heterozygosity(p: Float[np.ndarray, " token"]) -> float:
    """H = 1 − Σ p² = Σ p (1 − p)."""
    return float(p @ (1 - p))
