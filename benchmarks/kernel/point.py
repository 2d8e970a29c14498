"""What every contender computes: plain SGD on one minibatch per generation at T = 0.9, from Zipf's law."""

from typing import NamedTuple

import numpy as np

TEMPERATURE, LEARNING_RATE = 0.9, 0.5


class Point(NamedTuple):
    """tokens: V. batch: B."""

    tokens: int
    batch: int


POINTS = [
    Point(16, 1),
    Point(16, 16),
    Point(16, 256),
    Point(256, 1),
    Point(256, 64),
    Point(256, 1024),
    Point(4096, 1),
    Point(4096, 64),
    Point(4096, 4096),
    Point(32, 10**6),
    Point(50257, 64),
]


def initial_logits(point: Point, trajectories: int) -> np.ndarray:
    """Zipf's law [trajectory, token]."""
    return np.tile(-np.log(np.arange(1, point.tokens + 1)), (trajectories, 1))
