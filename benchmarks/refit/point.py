"""What every contender computes: each generation is N tokens drawn from the frequencies of the last one."""

from typing import NamedTuple

import numpy as np


class Point(NamedTuple):
    """tokens: V, the alleles. samples: N, the haploid individuals."""

    tokens: int
    samples: int


POINTS = [Point(16, 64), Point(16, 1024), Point(256, 64), Point(256, 1024)]


def initial_frequencies(point: Point) -> np.ndarray:
    """Zipf's law [token]."""
    p = 1 / np.arange(1, point.tokens + 1)
    return p / p.sum()
