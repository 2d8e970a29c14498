"""The diffusion limit of refits: many samples, small changes, and formulas without a matrix."""

import itertools
import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle

_DRIFT = "update = 'refit', corpus = 'replace', temperature = 1, mixing = 1"
_PANELS, _NODES = 400, 10  # of the quadrature: Gauss and Legendre's on equal panels
_EDGE = 45.0  # log-odds beyond which less than a part in 10¹⁹ of the integral lies


@oracle(
    "−2N Σ_i (1 − p0_i) ln(1 − p0_i) + 2N [ε ln ε + (1 − ε) ln(1 − ε)]",
    assumes=_DRIFT,
    source="Kimura and Ohta 1969; Littler 1975",
    error="too large by O(ln N) generations with ε = 0; else too small by O(√N), since samples are counted once in a "
    "generation, and relative O(ε²)",
)
def diffusion_collapse_time(p0: ArrayLike, *, samples: float, collapse_threshold: float = 0.0) -> Float[np.ndarray, ""]:
    """The approximate mean number of generations until one token has all samples, or all but a threshold share.

    Args:
        p0: probabilities [token].
        samples: N.
        collapse_threshold: ε of max p ≥ 1 − ε, as in a sweep file; by default one token is left alone.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, number = arguments.distribution("p0", p0), arguments.count("samples", samples)
    epsilon = arguments.threshold("collapse_threshold", collapse_threshold)
    lost = -2 * special.xlog1py(1 - p, -p).sum() - 2 * (special.entr(epsilon) + special.entr(1 - epsilon))
    return np.asarray(number * lost if lost > 0 and 1 - p.max() > epsilon else 0.0)


@oracle(
    "2N Σ_S (−1)^|S| p0_S ln p0_S over all sets S of tokens",
    assumes=f"{_DRIFT}; each token is expected many times among the samples",
    source="Littler 1975; Kingman 1982",
    error="O(ln N) generations",
)
def diffusion_first_extinction_time(p0: ArrayLike, *, samples: float) -> Float[np.ndarray, ""]:
    """The approximate mean number of generations until the first token dies out.

    Args:
        p0: probabilities [token], from 2 to 20 above 0.
        samples: N.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, number = arguments.few_tokens("p0", p0), arguments.count("samples", samples)
    if p.size == 1:
        return np.asarray(np.inf)
    sets = [(size, sum(chosen)) for size in range(1, p.size) for chosen in itertools.combinations(p, size)]
    return np.asarray(number * 2 * sum((-1) ** size * mass * math.log(mass) for size, mass in sets))


@oracle(
    "1 − exp(−N p (1 − u_{g−1})), u_0 = 0, u_{g+1} = exp(u_g − 1); about 1 − exp(−2Np/g) for many generations",
    assumes=f"{_DRIFT}; a rare token, p ≪ 1, and generations ≪ N",
    source="Fisher 1922; Haldane 1927 (branching with Poisson offspring)",
    error="relative O(p + g/N)",
)
def rare_token_survival(p: float, *, samples: float, generations: ArrayLike) -> Float[np.ndarray, "*generation"]:
    """The probability that a rare token has not died out.

    Args:
        p: its probability at the start.
        samples: N.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    expected = arguments.share("p", p) * arguments.count("samples", samples, most=1e15)
    g = arguments.times("generations", generations)
    lasting = [1.0]  # of the descendants of one sample, 1 − u
    for _ in range(int(g.max(initial=0)) - 1):
        lasting.append(-math.expm1(-lasting[-1]))
    later = -np.expm1(-expected * np.array(lasting)[np.maximum(g - 1, 0)])
    return np.asarray(np.where(g == 0, float(p > 0), later))


@oracle(
    "∫_0^p e^{2NsS}/∫_0^1 e^{2NsS}, S the binary entropy, s = 1/T − 1",
    assumes="update = 'refit', corpus = 'replace', mixing = 1, two tokens, temperature near 1",
    source="Kimura 1962, with the temperature as selection",
    error="relative O(s + 1/N)",
)
def diffusion_win_probability(p0: ArrayLike, *, samples: float, temperature: float) -> Float[np.ndarray, ""]:
    """The approximate probability that the first of two tokens is the last one left; it depends on N(1/T − 1) only.

    Args:
        p0: probabilities of the two tokens.
        samples: N.
        temperature: T above 0, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, number = arguments.two_tokens("p0", p0), arguments.count("samples", samples, most=1e15)
    control = 2 * number * (1 / arguments.positive("temperature", temperature) - 1)
    if p.min() == 0:
        return np.asarray(p[0])
    # Over the log-odds, where both ends are exponentials; a peak in the middle is narrower than that.
    edge = _EDGE + math.log1p(abs(control))
    if control > 0:
        edge = min(edge, 30 * math.sqrt(8 / control))
    start = float(np.clip(special.logit(p[0]), -edge, edge))
    below, above = _weight(control, -edge, start), _weight(control, start, edge)
    return np.asarray(below / (below + above))


def _weight(control: float, lower: float, upper: float) -> float:
    """∫ e^{control·S} dp between these log-odds, up to a constant factor."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = np.linspace(lower, upper, _PANELS + 1)
    half = (upper - lower) / _PANELS / 2
    y = (edges[:-1] + half)[:, np.newaxis] + half * nodes
    p, rest = special.expit(y), special.expit(-y)
    entropy = special.entr(p) + special.entr(rest)
    greatest = max(control, 0.0) * math.log(2)
    return float(half * (np.exp(control * entropy - greatest) * p * rest @ weights).sum())
