"""A training loop in Numba, with a random state for each trajectory."""

from collections.abc import Callable

import numpy as np

from benchmarks.contender import Run
from benchmarks.kernel.compiled import bits
from benchmarks.rewards.point import LEARNING_RATE, Point, chances, initial_logits


def compiled(train: Callable[..., object], point: Point, trajectories: int) -> Run:
    states, chance = bits.seeded(trajectories), chances(point)

    def run(generations: int) -> np.ndarray:
        z = initial_logits(point, trajectories)
        train(z, states, chance, point.group, generations, LEARNING_RATE)
        return z

    return run
