"""The law that the binomial sampler follows, without a sample: the edges of its counts are found by bisection.

Threefry permutes the counters, so that for any random words there is a counter that yields them. What the sampler makes
of every uniform number can therefore be looked at, with nothing in it replaced.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxcollapse.sampling import bits
from jaxcollapse.sampling.binomial import SWITCH, binomial

RANKS = 2**63  # uniform numbers are told apart by so many ranks
_WIDTH = 2**12  # counts computed at once: one compiled program
_KEY = (1234567, 2**32 - 7)


def counters(high: jax.Array, low: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What `_KEY` encrypts to the words `high` and `low`: threefry's rounds, backwards."""
    schedule = [jnp.uint32(word) for word in (*_KEY, _KEY[0] ^ _KEY[1] ^ bits._PARITY)]
    x, y = high, low
    for group in reversed(range(5)):
        x = x - schedule[(group + 1) % 3]
        y = y - schedule[(group + 2) % 3] - jnp.uint32(group + 1)
        for rotation in reversed(bits._ROTATIONS[group % 2]):
            y = x ^ y
            y = (y >> jnp.uint32(rotation)) | (y << jnp.uint32(32 - rotation))
            x = x - y
    return x - schedule[0], y - schedule[1]


@jax.jit
def _counts(high: jax.Array, low: jax.Array, trials: jax.Array, probability: jax.Array) -> jax.Array:
    return binomial(keys(len(high)), *counters(high, low), trials, probability, adaptive=True)


def keys(count: int) -> jax.Array:
    """The key of `counters`, `count` times."""
    return jnp.broadcast_to(jnp.array(_KEY, jnp.uint32)[:, None], (2, count))


def halves(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two 32-bit words in 64 bits."""
    return (words >> np.uint64(32)).astype(np.uint32), words.astype(np.uint32)


def counts_at_words(words: np.ndarray, trials: int, probability: float, dtype: type = np.float32) -> np.ndarray:
    """The sampler's counts where its random words are these 64 bits."""
    found = []
    for start in range(0, len(words), _WIDTH):
        part = words[start : start + _WIDTH]
        high, low = halves(np.pad(part, (0, _WIDTH - len(part))))
        n, p = np.full(_WIDTH, trials, np.int32), np.full(_WIDTH, probability, dtype)
        found.append(np.asarray(_counts(high, low, n, p))[: len(part)])
    return np.concatenate(found)


def counts_at(ranks: np.ndarray, trials: int, probability: float, dtype: type = np.float32) -> np.ndarray:
    """The sampler's counts where this many of `RANKS` equally likely uniform numbers are smaller."""
    numbers = ranks.astype(np.uint64) << np.uint64(1)
    if dtype(trials) * dtype(probability) < SWITCH:
        words = ~numbers  # a small number exceeds few terms of the survival function
    else:  # a sign, and the tail beyond
        words = np.where(numbers >> np.uint64(63), numbers ^ np.uint64(2**63 - 1), numbers)
    return counts_at_words(words, trials, probability, dtype)


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


def law(trials: int, probability: float, dtype: type = np.float32) -> Law:
    """The sampler's law beside the binomial one; `probability` is rounded to `dtype` first."""
    probability = float(dtype(probability))
    exact = stats.binom(trials, probability)
    width = 7 * exact.std() + 25
    values = np.arange(max(0, int(exact.mean() - width)), min(trials, int(exact.mean() + width)) + 1)
    low, high = np.zeros(len(values), np.uint64), np.full(len(values), RANKS, np.uint64)
    for _ in range(64):
        middle = low + (high - low) // np.uint64(2)
        is_above = counts_at(np.minimum(middle, np.uint64(RANKS - 1)), trials, probability, dtype) > values
        high = np.where(is_above, middle, high)
        low = np.where(is_above | (low == high), low, middle + np.uint64(1))
    assert (low == high).all()
    mass = np.diff(low, prepend=np.uint64(0)).astype(np.int64) / RANKS
    return Law(values, mass, low / RANKS, exact.pmf(values), exact.cdf(values))
