"""Numba: the inverse of the distribution function, one draw at a time, trajectories in parallel."""

import numpy as np

from benchmarks.contender import Run
from benchmarks.kernel.compiled import bits, inverse_cdf
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point, initial_logits

_MOST_DRAWS = 2**28  # traces × trajectories; beyond, a generation takes seconds


def run_of(point: Point, trajectories: int) -> Run | None:
    if point.batch * trajectories > _MOST_DRAWS:
        return None
    states = bits.seeded(trajectories)

    def run(generations: int) -> np.ndarray:
        z = initial_logits(point, trajectories).astype(np.float32)
        inverse_cdf.train(z, states, point.batch, generations, LEARNING_RATE, TEMPERATURE)
        return z

    return run
