"""Refits at temperature 1 to more than the last samples, or to those of a frozen generator."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.second_moments import heterozygosity
from jaxcollapse.theory.tempering import tempered


@oracle(
    "E H_g = H0 Π_{s ≤ g} (1 − 1/(N s²))",
    assumes="update = 'refit', corpus = 'accumulate', temperature = 1, mixing = 1",
    source="a martingale whose step g is 1/g of a Wright–Fisher step; Gerstgrasser et al. 2024 (2404.01413)",
)
def accumulated_heterozygosity(
    p0: ArrayLike, *, samples: float, generations: ArrayLike
) -> Float[np.ndarray, "*generation"]:
    """The mean of H = 1 − Σ p² if the samples of all generations are kept.

    Args:
        p0: probabilities [token].
        samples: N, in each generation, inf allowed.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    s = np.arange(1.0, g.max(initial=0) + 1)
    left = np.cumprod(1 - 1 / (arguments.count("samples", samples) * s**2))
    return np.asarray(heterozygosity(p) * np.append(1.0, left)[g])


@oracle(
    "E H_g → H0 sin(π/√N)/(π/√N)",
    assumes="update = 'refit', corpus = 'accumulate', temperature = 1, mixing = 1, after many generations",
    source="Euler's product of the sine",
)
def accumulated_limit(p0: ArrayLike, *, samples: float) -> Float[np.ndarray, ""]:
    """The limit of the mean of H = 1 − Σ p² after many generations if the samples of all generations are kept.

    Args:
        p0: probabilities [token].
        samples: N, in each generation, inf allowed.

    Raises:
        ValueError: an argument is out of its range.
    """
    number = arguments.count("samples", samples)
    left = 0.0 if number == 1 else np.sinc(1 / np.sqrt(number))  # sin π in floating point is not 0
    return np.asarray(heterozygosity(arguments.distribution("p0", p0)) * left)


@oracle(
    "with D_st = 1 − E Σ x_s x_t of the samples' frequencies: D_gg = (1 − 1/N) E H_{g−1}, D_gt = mean of D_st over the "
    "window's s for t < g, E H_g = mean of D over the window",
    assumes="update = 'refit', corpus = 'window', temperature = 1, mixing = 1",
    source="the law of total covariance",
)
def window_heterozygosity(
    p0: ArrayLike, *, samples: float, window: int, generations: ArrayLike
) -> Float[np.ndarray, "*generation"]:
    """The mean of H = 1 − Σ p² if the samples of the last generations are kept.

    Args:
        p0: probabilities [token].
        samples: N, in each generation, inf allowed.
        window: number of generations whose samples are kept.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    number, kept = arguments.count("samples", samples), int(arguments.count("window", window, most=1e9))
    history = [heterozygosity(p)]
    between = np.zeros((0, 0))  # D, of the generations in the window
    for _ in range(int(g.max(initial=0))):
        newest = between.mean(axis=0) if between.size else np.zeros(0)
        alone = (1 - 1 / number) * history[-1]
        between = np.block([[between, newest[:, np.newaxis]], [newest[np.newaxis], np.array([[alone]])]])
        between = between[-kept:, -kept:]
        history.append(float(between.mean()))
    return np.array(history)[g, ...]


@oracle(
    "E H_g = (1 − 1/N)(1 − Σ q²), q = τ_T(p0), for every g ≥ 1",
    assumes="update = 'refit', generator = 'initial', corpus = 'replace', mixing = 1; with generator = "
    "'current' only g = 1",
    source="the variance of a multinomial draw",
)
def frozen_heterozygosity(p0: ArrayLike, *, samples: float, temperature: float = 1.0) -> Float[np.ndarray, ""]:
    """The mean of H = 1 − Σ p² if p0 emits all samples, so that there is no feedback.

    Args:
        p0: probabilities [token].
        samples: N, inf allowed.
        temperature: T ≥ 0, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    q = tempered(arguments.distribution("p0", p0), arguments.temperature(temperature))
    return np.asarray((1 - 1 / arguments.count("samples", samples)) * heterozygosity(q))
