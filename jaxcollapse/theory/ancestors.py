"""The number of ancestors in the Wright–Fisher model, generation by generation, without a matrix of N × N.

A row of the chain's matrix, the law of the number of distinct values in `a` draws from N, follows from the row of a − 1
in N operations. So a law times the matrix is a sum by Horner's scheme, and what is summed over all time is found from
one ancestor upwards. Both only keep that part of a row which is not negligible, some √N numbers.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

MOST_SAMPLES = 100_000
_NEGLIGIBLE = 1e-30
_TRIMMED_EVERY = 64  # rows: to look for what is negligible takes as long as a few of them


def ancestor_laws(samples: int, generations: int) -> Iterator[Float[np.ndarray, " number"]]:
    """P(A_g = a), a = 0 … at most N, for g = 1, 2, … generations."""
    law = np.zeros(samples + 1)
    law[samples] = 1
    for _ in range(generations):
        yield law
        law = _one_generation_back(law, samples)


def summed_over_time(
    value: Callable[[Float[np.ndarray, " number"]], Float[np.ndarray, " number"]], samples: int
) -> float:
    """Σ_{g ≥ 1} E value(A_g), of a function that is 0 for one ancestor."""
    values = value(np.arange(samples + 1.0))
    total = np.zeros(samples + 1)
    row = _Row.of_no_draws()
    row.draw(samples)
    for number in range(2, samples + 1):
        row.draw(samples)
        if number % _TRIMMED_EVERY == 0:
            row.trim()
        stays = row.weights[-1] if row.first + len(row.weights) - 1 == number else 0.0
        before = total[row.first : row.first + len(row.weights)]  # that of `number` itself is still 0
        total[number] = (values[number] + row.weights @ before) / (1 - stays)
    return float(total[samples]) if samples > 1 else 0.0


class _Row:
    """Weights of so many distinct values, from the number `first` on; all others are negligible."""

    def __init__(self, first: int, weights: Float[np.ndarray, " number"]):
        self.first, self.weights = first, weights

    @classmethod
    def of_no_draws(cls) -> "_Row":
        return cls(0, np.ones(1))

    def draw(self, samples: int) -> None:
        """One more draw: it has been seen before with probability distinct/N."""
        distinct = np.arange(self.first, self.first + len(self.weights))
        known = distinct / samples
        weights = np.append(self.weights * known, 0.0)
        weights[1:] += self.weights * (1 - known)
        self.weights = weights

    def add_no_draws(self, weight: float) -> None:
        """Adds what has not drawn yet."""
        if weight > 0:
            self.weights = np.concatenate([np.zeros(self.first), self.weights])
            self.first = 0
            self.weights[0] += weight

    def trim(self) -> None:
        """Leaves out what is negligible at both ends."""
        kept = np.flatnonzero(self.weights > _NEGLIGIBLE)
        self.weights = self.weights[kept[0] : kept[-1] + 1]
        self.first += int(kept[0])


def _one_generation_back(law: Float[np.ndarray, " number"], samples: int) -> Float[np.ndarray, " fewer"]:
    """The law of the number of distinct values in A draws, given the law of A."""
    held = np.flatnonzero(law > _NEGLIGIBLE)
    row = _Row(0, law[held[-1:]])
    for number in range(int(held[-1]) - 1, -1, -1):
        row.draw(samples)
        row.add_no_draws(law[number] if law[number] > _NEGLIGIBLE else 0.0)
        if number % _TRIMMED_EVERY == 0:
            row.trim()
    return np.concatenate([np.zeros(row.first), row.weights])
