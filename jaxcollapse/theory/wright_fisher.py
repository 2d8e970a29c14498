"""Refits to the last samples at temperature 1: the Wright–Fisher model, N haploid individuals.

The masses of any groups of tokens are a Wright–Fisher process with the same N: give the masses of the groups for p0.
So are the masses of personas, with N the number of traces.
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.second_moments import SecondMoments

_DRIFT = "update = 'refit', corpus = 'replace', temperature = 1"
_WRIGHT = "Wright 1931; Kimura 1955"


@oracle("E p_g = p0", assumes=f"{_DRIFT}; any samples, mixing and fresh_fraction", source=_WRIGHT)
def mean_probability(p0: ArrayLike, *, generations: ArrayLike) -> Float[np.ndarray, "*generation token"]:
    """The mean of the model over trajectories, which stays at p0: drift has no direction.

    Args:
        p0: probabilities [token].
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    return np.array(np.broadcast_to(p, (*g.shape, p.size)))


@oracle(
    "Cov p_g = (diag p0 − p0 p0ᵀ) [1 − (1 − a²/N)^g]",
    assumes=_DRIFT,
    source=f"{_WRIGHT}; with a² by the law of total variance",
)
def probability_covariance(
    p0: ArrayLike, *, samples: float, generations: ArrayLike, mixing: float = 1.0
) -> Float[np.ndarray, "*generation token token"]:
    """The covariance of the model's probabilities over trajectories; variances are on its diagonal.

    Args:
        p0: probabilities [token].
        samples: N, inf allowed.
        generations: g, one or an array of them.
        mixing: a, the weight of the fit.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    number, a = arguments.count("samples", samples), arguments.share("mixing", mixing)
    spread = np.diag(p) - np.outer(p, p)
    return np.asarray(-_power_less_one(a**2 / number, g))[..., np.newaxis, np.newaxis] * spread


@oracle(
    "with b = 1 − c, c = α V/(N + α V), E F_{g+1} = Σ E [(1 − a) p + a (b q + c/V)]² + a² b² (1 − Σ E q²)/N, "
    "q = (1 − m) p + m p0; without real data and smoothing E H_g = H0 (1 − a²/N)^g, and with growing samples H0 "
    "Π (1 − a²/N_s)",
    assumes=f"{_DRIFT}; each trace is real data with probability m, from p0 itself, in every generation",
    source=f"{_WRIGHT}; real data and smoothing are migration and mutation (Wright 1931)",
)
def mean_heterozygosity(
    p0: ArrayLike,
    *,
    samples: float,
    generations: ArrayLike,
    mixing: float = 1.0,
    fresh_fraction: float = 0.0,
    smoothing: float = 0.0,
    sample_growth: float = 0.0,
) -> Float[np.ndarray, "*generation"]:
    """The mean of H = 1 − Σ p² over trajectories; H is 1 minus the collision probability.

    Args:
        p0: probabilities [token].
        samples: N, inf allowed.
        generations: g, one or an array of them.
        mixing: a, the weight of the fit.
        fresh_fraction: share m of real data.
        smoothing: α, added to the count of each of the V tokens that p0 has.
        sample_growth: γ; there are N (g + 1)^γ samples in the generation after generation g.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    number, growth = arguments.count("samples", samples), arguments.nonnegative("sample_growth", sample_growth)
    remedies = (
        arguments.share("mixing", mixing),
        arguments.share("fresh_fraction", fresh_fraction),
        arguments.nonnegative("smoothing", smoothing),
    )
    state = SecondMoments.of(p)
    history = [state.within]
    for generation in range(int(g.max(initial=0))):
        grown = number if math.isinf(number) else float(np.round(number * (generation + 1.0) ** growth))
        state = state.after(p, grown, *remedies)
        history.append(state.within)
    return np.array(history)[g, ...]


@oracle(
    "the fixed point of the recursion of `mean_heterozygosity`; with real data alone "
    "E F → [1/N + (1 − 1/N) F0 (1 − (1 − m)²)]/[1 − (1 − 1/N)(1 − m)²]",
    assumes=f"{_DRIFT}, after many generations; each trace is real data with probability m, from p0 itself",
    source="Wright 1931, with migration and mutation",
)
def stationary_heterozygosity(
    p0: ArrayLike, *, samples: float, mixing: float = 1.0, fresh_fraction: float = 0.0, smoothing: float = 0.0
) -> Float[np.ndarray, ""]:
    """The mean of H = 1 − Σ p² after many generations; 0 unless real data or smoothing sustain it.

    Args:
        p0: probabilities [token].
        samples: N.
        mixing: a above 0, the weight of the fit.
        fresh_fraction: share m of real data.
        smoothing: α, added to the count of each of the V tokens that p0 has.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.distribution("p0", p0)
    remedies = (
        arguments.count("samples", samples, most=1e15),
        arguments.share("mixing", mixing, above_zero=True),
        arguments.share("fresh_fraction", fresh_fraction),
        arguments.nonnegative("smoothing", smoothing),
    )
    if fresh_fraction == 0 and smoothing == 0:
        return np.asarray(0.0)
    # What a generation does to the two moments is affine: three points tell it.
    origin, first, second = (
        np.array(SecondMoments(*point).after(p, *remedies)) for point in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    )
    slope = np.stack([first - origin, second - origin], axis=1)
    return np.asarray(np.linalg.solve(np.eye(2) - slope, origin)[0])


@oracle("P(token i is the one that is left) = p0_i", assumes=_DRIFT, source=_WRIGHT)
def fixation_probability(p0: ArrayLike) -> Float[np.ndarray, " token"]:
    """The probability that a token is the last one left after many generations.

    Args:
        p0: probabilities [token].

    Raises:
        ValueError: an argument is out of its range.
    """
    return arguments.distribution("p0", p0)


def _power_less_one(loss: float, exponent: np.ndarray) -> np.ndarray:
    """(1 − loss)^exponent − 1, also where the loss is tiny, and 0⁰ = 1."""
    if loss == 1:
        return np.where(exponent == 0, 0.0, -1.0)
    return np.asarray(np.expm1(exponent * np.log1p(-loss)))
