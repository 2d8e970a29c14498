"""NumPy: counts of all trajectories at once, and of each token how many of its traces are accepted."""

import numpy as np

from benchmarks.contender import Run
from benchmarks.kernel.peers.numpy_multinomial import softmax
from benchmarks.rewards.point import LEARNING_RATE, Point, chances, initial_logits


def run_of(point: Point, trajectories: int) -> Run | None:
    generator, chance = np.random.default_rng(0), chances(point).astype(float)

    def run(generations: int) -> np.ndarray:
        z = initial_logits(point, trajectories).astype(float)
        for _ in range(generations):
            counts = generator.multinomial(point.group, softmax(z))
            accepted = generator.binomial(counts, chance)
            mean = accepted.sum(axis=-1, keepdims=True) / point.group
            spread = np.sqrt(mean * (1 - mean))
            pull = (accepted - counts * mean) / (point.group * np.where(spread > 0, spread, 1))
            z += LEARNING_RATE * np.where(spread > 0, pull, 0)
        return z

    return run
