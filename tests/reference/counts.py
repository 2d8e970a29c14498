"""The multinomial law, by going through all outcomes."""

import itertools
from math import factorial, prod

import numpy as np


def outcomes(draws: int, tokens: int) -> np.ndarray:
    """All that the counts [outcome, token] of so many draws can be."""
    return np.array([row for row in itertools.product(range(draws + 1), repeat=tokens) if sum(row) == draws])


def law(counts: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The probability of each of these outcomes [outcome, token]."""
    ways = [factorial(sum(row)) / prod(map(factorial, row)) for row in counts.tolist()]
    return np.array(ways) * np.prod(np.asarray(p) ** counts, axis=1)
