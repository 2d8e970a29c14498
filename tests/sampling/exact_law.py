"""The law that a binomial sampler follows, without a sample: the edges of its counts are found by bisection."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np
from scipy import stats

from jaxcollapse import native
from jaxcollapse.sampling.binomial import SWITCH, binomial

RANKS = 2**63  # uniform numbers are told apart by so many ranks
SAMPLERS: dict[str, Callable[..., jax.Array]] = {"jax": jax.jit(binomial), "native": jax.jit(native.binomial)}
_WIDTH = 2**12  # counts computed at once: one compiled program


def halves(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two 32-bit words in 64 bits."""
    return (words >> np.uint64(32)).astype(np.uint32), words.astype(np.uint32)


def counts_at_words(words: np.ndarray, trials: int, odds: float, how: str, dtype: type = np.float32) -> np.ndarray:
    """The sampler's counts where its random words are these 64 bits."""
    found = []
    for start in range(0, len(words), _WIDTH):
        part = words[start : start + _WIDTH]
        high, low = halves(np.pad(part, (0, _WIDTH - len(part))))
        n, x = np.full(_WIDTH, trials, np.int32), np.full(_WIDTH, odds, dtype)
        found.append(np.asarray(SAMPLERS[how](high, low, n, x))[: len(part)])
    return np.concatenate(found)


def uses_normal_scores(trials: int, odds: float, dtype: type = np.float32) -> bool:
    """Whether the sampler does."""
    return bool(dtype(trials) * dtype(odds) >= dtype(SWITCH) * (1 + dtype(odds)))


def counts_at(ranks: np.ndarray, trials: int, odds: float, how: str, dtype: type = np.float32) -> np.ndarray:
    """The sampler's counts where this many of `RANKS` equally likely uniform numbers are smaller."""
    return counts_at_words(~(ranks.astype(np.uint64) << np.uint64(1)), trials, odds, how, dtype)


@dataclass(frozen=True)
class Law:
    """P(K = k) and P(K ≤ k) for all k that matter: the sampler's (mass, below), SciPy's (true_mass, true_below)."""

    values: np.ndarray
    mass: np.ndarray
    below: np.ndarray
    true_mass: np.ndarray
    true_below: np.ndarray

    @property
    def total_variation(self) -> float:
        """Distance of the two laws: the most by which the probability of any event differs."""
        return float(np.abs(self.mass - self.true_mass).sum() / 2)

    @property
    def kolmogorov(self) -> float:
        """The same for the events K ≤ k."""
        return float(np.abs(self.below - self.true_below).max())


def law(trials: int, odds: float, how: str, dtype: type = np.float32) -> Law:
    """The sampler's law beside the binomial one with these odds (of `dtype`)."""
    exact = stats.binom(trials, odds / (1 + odds))
    width = 7 * exact.std() + 25
    values = np.arange(max(0, int(exact.mean() - width)), min(trials, int(exact.mean() + width)) + 1)
    low, high = np.zeros(len(values), np.uint64), np.full(len(values), RANKS, np.uint64)
    for _ in range(64):
        middle = low + (high - low) // np.uint64(2)
        is_above = counts_at(np.minimum(middle, np.uint64(RANKS - 1)), trials, odds, how, dtype) > values
        high = np.where(is_above, middle, high)
        low = np.where(is_above | (low == high), low, middle + np.uint64(1))
    assert (low == high).all()
    mass = np.diff(low, prepend=np.uint64(0)).astype(np.int64) / RANKS
    return Law(values, mass, low / RANKS, exact.pmf(values), exact.cdf(values))
