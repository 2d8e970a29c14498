"""A training loop in Numba, with a random state for each trajectory."""

from collections.abc import Callable

import numpy as np

from benchmarks.contender import Run
from benchmarks.kernel.compiled import bits
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point, initial_logits


def compiled(train: Callable[..., object], point: Point, trajectories: int) -> Run:
    states = bits.seeded(trajectories)

    def run(generations: int) -> np.ndarray:
        z = initial_logits(point, trajectories).astype(np.float32)
        train(z, states, point.batch, generations, LEARNING_RATE, TEMPERATURE)
        return z

    return run
