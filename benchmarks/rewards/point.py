"""What every contender computes: a policy gradient, one group per generation, rewarded by a verifier with errors."""

from typing import NamedTuple

import numpy as np

LEARNING_RATE = 0.5
TRUE_POSITIVE_RATE, FALSE_POSITIVE_RATE = 0.9, 0.1
CORRECT = 0.5  # share of Zipf's law that is correct: the most likely tokens


class Point(NamedTuple):
    """tokens: V. group: G, the traces of a generation."""

    tokens: int
    group: int


POINTS = [Point(16, 16), Point(256, 16), Point(256, 64), Point(4096, 64)]


def initial_logits(point: Point, trajectories: int) -> np.ndarray:
    """Zipf's law [trajectory, token]."""
    return np.tile(-np.log(np.arange(1, point.tokens + 1)), (trajectories, 1)).astype(np.float32)


def chances(point: Point) -> np.ndarray:
    """The chance that a trace of each token is accepted [token]."""
    p = 1 / np.arange(1, point.tokens + 1)
    correct = np.cumsum(p) - p < CORRECT * p.sum()
    return np.where(correct, TRUE_POSITIVE_RATE, FALSE_POSITIVE_RATE).astype(np.float32)
