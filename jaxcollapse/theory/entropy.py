"""Entropy and divergence under refits at temperature 1, exactly: each token against all others is a chain of two."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.two_tokens import MOST_SAMPLES, drifted

_DRIFT = "update = 'refit', corpus = 'replace', temperature = 1, mixing = 1"
_SOURCE = "Wright 1931; linearity of the mean"


@oracle("E S_g = −Σ_i E p_i ln p_i, each p_i by the chain Binom(k; N, j/N) from p0_i", assumes=_DRIFT, source=_SOURCE)
def mean_entropy(p0: ArrayLike, *, samples: int, generations: ArrayLike) -> Float[np.ndarray, "*generation"]:
    """The mean entropy of the model over trajectories, in nat.

    Args:
        p0: probabilities [token].
        samples: N, at most 2000.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    number = int(arguments.count("samples", samples, most=MOST_SAMPLES))
    kinds, tokens = np.unique(p, return_counts=True)
    laws = drifted(kinds, number, np.maximum(g, 1))
    later = (laws @ special.entr(np.arange(number + 1) / number)) @ tokens
    return np.where(g == 0, special.entr(p).sum(), later)


@oracle("E KL(p_g ‖ p0) = S(p0) − E S_g", assumes=_DRIFT, source=_SOURCE)
def mean_kl_from_initial(p0: ArrayLike, *, samples: int, generations: ArrayLike) -> Float[np.ndarray, "*generation"]:
    """The mean divergence of the model from the original, in nat: exactly the mean loss of entropy.

    Args:
        p0: probabilities [token].
        samples: N, at most 2000.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    lost = mean_entropy(p0, samples=samples, generations=0) - mean_entropy(p0, samples=samples, generations=generations)
    return np.asarray(lost)
