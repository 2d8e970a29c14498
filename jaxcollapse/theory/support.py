"""What has died out, for any number of tokens: refits at temperature 1, followed backwards in time.

Each sample of the last generation has an ancestor among those of the first. How many different ancestors A there are
does not depend on the tokens, and given A they are A draws from p0: so A determines which tokens are left.
"""

import itertools
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.ancestors import MOST_SAMPLES, ancestor_laws, summed_over_time
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.two_tokens import MOST_SAMPLES as MOST_OF_CHAIN
from jaxcollapse.theory.two_tokens import first_alone, has_collapsed, others, two_token_collapse_time

_DRIFT = "update = 'refit', corpus = 'replace', temperature = 1, mixing = 1"
_PRESENT = "support_threshold · samples < 1"  # then a token counts as present as long as any sample is of it
_KINGMAN = "Cannings 1974; Kingman 1982"
_CHAIN = "A_1 = N, A_{g+1} the number of distinct values in A_g draws from N"

_Seen = Callable[[Float[np.ndarray, " number"]], Float[np.ndarray, " number"]]


@oracle(f"E K_g = Σ_i (1 − E (1 − p0_i)^{{A_g}}); {_CHAIN}", assumes=f"{_DRIFT}; {_PRESENT}", source=_KINGMAN)
def mean_support_size(p0: ArrayLike, *, samples: int, generations: ArrayLike) -> Float[np.ndarray, "*generation"]:
    """The mean number of tokens that have not died out.

    Args:
        p0: probabilities [token].
        samples: N, at most 100 000: time grows a little faster than N.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.distribution("p0", p0)
    held = p[p > 0]
    return _expected(lambda a: -np.expm1(special.xlog1py(a[:, np.newaxis], -held)).sum(axis=1), samples, generations)


@oracle(
    f"P(collapse_time ≤ g) = E Σ_i p0_i^{{A_g}}; {_CHAIN}",
    assumes=f"{_DRIFT}; collapse_threshold · samples < 1",
    source=_KINGMAN,
)
def collapse_probability(p0: ArrayLike, *, samples: int, generations: ArrayLike) -> Float[np.ndarray, "*generation"]:
    """The probability that only one token is left: the distribution function of the collapse time.

    Args:
        p0: probabilities [token].
        samples: N, at most 100 000: time grows a little faster than N.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.distribution("p0", p0)
    return _expected(_alone(p), samples, generations)


@oracle(
    f"P(first_extinction_time > g) = E Σ_S (−1)^|S| (1 − p0_S)^{{A_g}} over all sets S of tokens; {_CHAIN}",
    assumes=f"{_DRIFT}; {_PRESENT}",
    source=f"{_KINGMAN}; inclusion and exclusion",
)
def first_extinction_probability(
    p0: ArrayLike, *, samples: int, generations: ArrayLike
) -> Float[np.ndarray, "*generation"]:
    """The probability that some token has died out: the distribution function of the time of the first extinction.

    Args:
        p0: probabilities [token], at most 20 above 0.
        samples: N, at most 100 000: time grows a little faster than N.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.few_tokens("p0", p0)
    complete = _complete(p)
    return _expected(lambda a: 1 - complete(a), samples, generations)


@oracle(
    f"E collapse_time = Σ_g (1 − E Σ_i p0_i^{{A_g}}); {_CHAIN}; less the mean time from k ≤ ε N samples of other "
    "tokens to none, k by the chain Binom(k; N, j/N) of each token against all others",
    assumes=_DRIFT,
    source=_KINGMAN,
    error="none with two tokens or ε N < 1, else relative O(ε²)",
)
def mean_collapse_time(p0: ArrayLike, *, samples: int, collapse_threshold: float = 0.0) -> Float[np.ndarray, ""]:
    """The mean number of generations until one token has all samples, or all but a threshold share.

    Args:
        p0: probabilities [token].
        samples: N, at most 100 000: time grows a little faster than N. With ε N ≥ 1 at most 2000.
        collapse_threshold: ε of max p ≥ 1 − ε, as in a sweep file (where it is 0.01 by default); by default 0, so that
            one token is left alone.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.distribution("p0", p0)
    number = int(arguments.count("samples", samples, most=MOST_SAMPLES))
    rest = others(number, collapse_threshold)
    if has_collapsed(p, collapse_threshold):
        return np.asarray(0.0)
    if rest > 0:
        arguments.count("samples", samples, most=MOST_OF_CHAIN)
    if rest > 0 and np.count_nonzero(p) == 2:
        return two_token_collapse_time(p[p > 0], samples=number, collapse_threshold=collapse_threshold)
    alone = _alone(p)
    time = 1 + summed_over_time(lambda a: 1 - alone(a), number)
    if rest > 0:
        weights, left = first_alone(p, number, rest)
        time -= weights @ left / weights.sum()
    return np.asarray(time)


@oracle(
    f"E first_extinction_time = Σ_g E Σ_S (−1)^|S| (1 − p0_S)^{{A_g}} over all sets S of tokens; {_CHAIN}",
    assumes=f"{_DRIFT}; two tokens or more; {_PRESENT}",
    source=f"{_KINGMAN}; inclusion and exclusion",
)
def mean_first_extinction_time(p0: ArrayLike, *, samples: int) -> Float[np.ndarray, ""]:
    """The mean number of generations until the first token dies out.

    Args:
        p0: probabilities [token], from 2 to 20 above 0.
        samples: N, at most 100 000: time grows a little faster than N.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.few_tokens("p0", p0)
    number = int(arguments.count("samples", samples, most=MOST_SAMPLES))
    if p.size == 1:
        return np.asarray(np.inf)
    return np.asarray(1 + summed_over_time(_complete(p), number))


def _expected(seen: _Seen, samples: int, generations: ArrayLike) -> np.ndarray:
    """E seen(A_g) at each generation; at generation 0 A is infinite."""
    g = arguments.times("generations", generations)
    number = int(arguments.count("samples", samples, most=MOST_SAMPLES))
    values = seen(np.arange(number + 1.0))
    start = seen(np.array([np.inf]))[0]
    last = int(g.max(initial=0))
    history = [start, *(law @ values[: len(law)] for law in ancestor_laws(number, last))]
    return np.array(history)[g, ...]


def _alone(p: Float[np.ndarray, " token"]) -> _Seen:
    """The probability that so many draws are all of one token."""
    held = p[p > 0]
    return lambda a: (held[np.newaxis] ** a[:, np.newaxis]).sum(axis=1)


def _complete(p: Float[np.ndarray, " token"]) -> _Seen:
    """The probability that so many draws have every token."""

    def probability(a: Float[np.ndarray, " number"]) -> Float[np.ndarray, " number"]:
        total = np.zeros(len(a))
        for size in range(p.size + 1):
            for missing in itertools.combinations(p, size):
                rest = max(0.0, 1 - sum(missing)) if size < p.size else 0.0
                total += (-1) ** size * rest**a
        return np.where(a < p.size, 0.0, np.clip(total, 0, 1))

    return probability
