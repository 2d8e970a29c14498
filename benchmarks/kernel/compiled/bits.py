"""Random bits whose state is one 64-bit number: SplitMix64 (Steele, Lea, Flood 2014), which vectorises."""

import numpy as np
from numba import njit

STRIDE = np.uint64(0x9E3779B97F4A7C15)


def seeded(trajectories: int) -> np.ndarray:
    """A state for each trajectory."""
    return np.random.default_rng(0).integers(0, 2**64, trajectories, dtype=np.uint64)


@njit(inline="always")
def mixed(state):
    """64 random bits from a state."""
    x = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(inline="always")
def uniform(state):
    """The next state, and a number above 0 and below 1."""
    state += STRIDE
    return state, (np.float64(mixed(state) >> np.uint64(11)) + 0.5) * 2.0**-53
