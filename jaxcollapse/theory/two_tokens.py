"""Two tokens under a refit, at any temperature: the exact Markov chain of their counts."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.errors import InputError
from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.tempering import tempered

_TIE = 1 + 1e-9  # times a threshold: what is on it but for rounding is on it
_NEVER = 1e-290  # less than this in a generation takes longer than float64 can say
MOST_SAMPLES = 2000  # the chain's matrix takes 8 N² bytes, to solve it some N³ operations
_REFIT = "update = 'refit', corpus = 'replace', mixing = 1, two tokens"
_FELLER = "Wright 1931; Feller 1951"

Matrix = Float[np.ndarray, "count count"]


@oracle(
    "distribution after step 1 times P^{g−1}, P_jk = Binom(k; N, q_j), q = (1 − m) τ_T(p) + m p0, p = (j + α)/(N + 2α)",
    assumes=f"{_REFIT}; each trace is real data with probability m, from p0 itself",
    source=_FELLER,
)
def two_token_law(
    p0: ArrayLike,
    *,
    samples: int,
    generations: ArrayLike,
    temperature: float = 1.0,
    fresh_fraction: float = 0.0,
    smoothing: float = 0.0,
) -> Float[np.ndarray, "*generation count"]:
    """The distribution of how many of the N samples are the first token.

    Args:
        p0: probabilities of the two tokens.
        samples: N, at most 2000.
        generations: g ≥ 1, one or an array of them.
        temperature: T ≥ 0, of sampling.
        fresh_fraction: share m of real data.
        smoothing: α, added to the count of each of the two tokens.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.two_tokens("p0", p0), arguments.times("generations", generations, least=1)
    number = int(arguments.count("samples", samples, most=MOST_SAMPLES))
    m, pseudo = arguments.share("fresh_fraction", fresh_fraction), arguments.nonnegative("smoothing", smoothing)
    seen = np.arange(number + 1.0)
    models = (np.stack([seen, number - seen], axis=1) + pseudo) / (number + 2 * pseudo)
    q = (1 - m) * tempered(np.vstack([models, p]), arguments.temperature(temperature)) + m * p
    *rows, first = _binomial(number, q)
    return _through_time(first[np.newaxis], np.array(rows), np.asarray(g - 1))[..., 0, :]


@oracle(
    "h_j = Σ_k P_jk h_k, h_0 = 0, h_N = 1, P_jk = Binom(k; N, τ_T(j/N))",
    assumes=f"{_REFIT}, no real data or smoothing",
    source=_FELLER,
)
def two_token_win_probability(p0: ArrayLike, *, samples: int, temperature: float = 1.0) -> Float[np.ndarray, ""]:
    """The probability that the first of two tokens is the last one left.

    Args:
        p0: probabilities of the two tokens.
        samples: N, at most 2000.
        temperature: T ≥ 0, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    first, win, _ = _absorbed(p0, samples, temperature)
    return np.asarray(first @ win)


@oracle(
    "t_j = 1 + Σ_k P_jk t_k over counts k with which neither token has (1 − ε) N, P_jk = Binom(k; N, τ_T(j/N))",
    assumes=f"{_REFIT}, no real data or smoothing",
    source=_FELLER,
)
def two_token_collapse_time(
    p0: ArrayLike, *, samples: int, temperature: float = 1.0, collapse_threshold: float = 0.0
) -> Float[np.ndarray, ""]:
    """The mean number of generations until one of two tokens has all samples, or all but a threshold share.

    Args:
        p0: probabilities of the two tokens.
        samples: N, at most 2000.
        temperature: T ≥ 0, of sampling.
        collapse_threshold: ε of max p ≥ 1 − ε, as in a sweep file; by default one token is left alone.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, number = arguments.two_tokens("p0", p0), arguments.count("samples", samples, most=MOST_SAMPLES)
    rest = others(int(number), collapse_threshold)
    first, _, time = _absorbed(p, int(number), temperature, rest)
    return np.asarray(0.0 if has_collapsed(p, collapse_threshold) else 1 + first @ time)


def others(samples: int, collapse_threshold: float) -> int:
    """How many samples may be of other tokens where one token counts as all of them."""
    return int(arguments.threshold("collapse_threshold", collapse_threshold) * samples * _TIE)


def has_collapsed(p: Float[np.ndarray, " token"], collapse_threshold: float) -> bool:
    """Whether one token has all but this much from the start."""
    return bool(1 - p.max() <= collapse_threshold * _TIE)


def first_alone(
    p: Float[np.ndarray, " token"], samples: int, rest: int
) -> tuple[Float[np.ndarray, " count"], Float[np.ndarray, " count"]]:
    """How many samples a token has when all but `rest` are its own for the first time, at T = 1: a number of others
    0 … rest, each with its weight; and the mean number of generations until there are none, of one kind or the other.
    """
    seen = np.arange(samples + 1.0) / samples
    chain = _binomial(samples, np.stack([seen, 1 - seen], axis=1))
    start = _binomial(samples, np.stack([p, 1 - p], axis=1)).sum(axis=0)  # expected tokens of each count
    inner, reached = slice(1, samples - rest), slice(samples - rest, samples + 1)
    stays = np.eye(samples - rest - 1) - chain[inner, inner]
    weights = start[reached] + np.linalg.solve(stays.T, start[inner]) @ chain[inner, reached]
    times = np.zeros(samples + 1)
    times[1:-1] = np.linalg.solve(np.eye(samples - 1) - chain[1:-1, 1:-1], np.ones(samples - 1))
    return weights[::-1], times[reached][::-1]


def drifted(
    p: Float[np.ndarray, " token"], samples: int, generations: ArrayLike
) -> Float[np.ndarray, "*generation token count"]:
    """The law of each token's count at T = 1, one token against all others, for generations g ≥ 1."""
    g = arguments.times("generations", generations, least=1)
    seen = np.arange(samples + 1.0) / samples
    chain = _binomial(samples, np.stack([seen, 1 - seen], axis=1))
    return _through_time(_binomial(samples, np.stack([p, 1 - p], axis=1)), chain, np.asarray(g - 1))


def _through_time(
    first: Float[np.ndarray, "start count"], chain: Matrix, steps: np.ndarray
) -> Float[np.ndarray, "*generation start count"]:
    """Laws after so many steps of the chain."""
    laws = np.empty((*steps.shape, *first.shape))
    for step in range(int(steps.max(initial=0)) + 1):
        laws[steps == step] = first
        first = first @ chain
    return laws


def _binomial(samples: int, q: Float[np.ndarray, "row 2"]) -> Float[np.ndarray, "row count"]:
    """Binom(k; N, q) for each q and its complement, k = 0 … N."""
    k = np.arange(samples + 1.0)
    ways = special.gammaln(samples + 1) - special.gammaln(k + 1) - special.gammaln(samples - k + 1)
    law = np.exp(ways + special.xlogy(k, q[:, :1]) + special.xlogy(samples - k, q[:, 1:]))
    return law / law.sum(axis=1, keepdims=True)


def _absorbed(
    p0: ArrayLike, samples: int, temperature: float, rest: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The law of step 1; and for each count the probability to end at N, and the mean number of steps to an end.

    An end is where at most `rest` samples are of the other token. States are eliminated one by one without a
    subtraction (Grassmann, Taksar and Heyman 1985), so that no digits are lost where absorption takes exponentially
    long.
    """
    p = arguments.two_tokens("p0", p0)
    number = int(arguments.count("samples", samples, most=MOST_SAMPLES))
    inner = np.arange(rest + 1, number - rest)
    ends = np.setdiff1d(np.arange(number + 1), inner)
    ordered = np.concatenate([ends, inner]).astype(float)  # what absorbs comes first
    models = np.vstack([np.stack([ordered, number - ordered], axis=1) / number, p])
    *rows, first = _binomial(number, tempered(models, arguments.temperature(temperature)))[:, ordered.astype(int)]
    chain, time = np.array(rows), np.ones(number + 1)
    for state in range(number, ends.size - 1, -1):
        leaves = chain[state, :state].sum()
        if leaves < _NEVER * time[state]:
            raise InputError(
                "temperature",
                f"{temperature}: with {number} samples the time until one token wins is too long for float64",
            )
        chain[state, :state] /= leaves
        time[state] /= leaves
        through = chain[ends.size : state, state].copy()
        chain[ends.size : state, :state] += np.outer(through, chain[state, :state])
        time[ends.size : state] += through * time[state]
    win = np.zeros(number + 1)
    win[: ends.size], time[: ends.size] = 2 * ends > number, 0
    for state in range(ends.size, number + 1):
        win[state] = chain[state, :state] @ win[:state]
        time[state] += chain[state, :state] @ time[:state]
    return first, win, time
