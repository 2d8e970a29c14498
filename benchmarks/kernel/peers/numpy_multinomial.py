"""NumPy: `Generator.multinomial` over all trajectories at once."""

import numpy as np

from benchmarks.contender import Run
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point, initial_logits


def run_of(point: Point, trajectories: int) -> Run | None:
    generator = np.random.default_rng(0)

    def run(generations: int) -> np.ndarray:
        z = initial_logits(point, trajectories)
        for _ in range(generations):
            counts = generator.multinomial(point.batch, softmax(z / TEMPERATURE))
            z -= LEARNING_RATE * (softmax(z) - counts / point.batch)
        return z

    return run


def softmax(z: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)
