"""NumPy: `Generator.multinomial` over all trajectories at once."""

import numpy as np

from benchmarks.contender import Run
from benchmarks.refit.point import Point, initial_frequencies


def run_of(point: Point, trajectories: int) -> Run | None:
    generator = np.random.default_rng(0)

    def run(generations: int) -> np.ndarray:
        frequencies = np.tile(initial_frequencies(point), (trajectories, 1))
        for _ in range(generations):
            frequencies = generator.multinomial(point.samples, frequencies) / point.samples
        return frequencies

    return run
