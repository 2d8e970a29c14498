"""Numba: counts of the tokens as conditional binomials, one after the other, trajectories in parallel."""

import numpy as np

from benchmarks.contender import Run
from benchmarks.kernel.compiled import binomials, bits
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point, initial_logits


def run_of(point: Point, trajectories: int) -> Run | None:
    states = bits.seeded(trajectories)

    def run(generations: int) -> np.ndarray:
        z = initial_logits(point, trajectories).astype(np.float32)
        binomials.train(z, states, point.batch, generations, LEARNING_RATE, TEMPERATURE)
        return z

    return run
