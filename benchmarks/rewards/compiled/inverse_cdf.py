"""All weights anew in each generation, in vector registers; then a search for each draw among the sums of blocks."""

import numpy as np
from numba import njit, prange

from benchmarks.kernel.compiled.bits import uniform
from benchmarks.kernel.compiled.blocks import BLOCK, add_up, found
from benchmarks.kernel.compiled.softmax import exponential
from benchmarks.rewards.compiled.verdicts import judged


@njit(parallel=True, fastmath=True, error_model="numpy")
def train(logits, states, chance, group, generations, learning_rate):
    """Trains every row of `logits` [trajectory, token] by a policy gradient. states: its random bits [trajectory]."""
    trajectories, tokens = logits.shape
    blocks = (tokens + BLOCK - 1) // BLOCK
    for trajectory in prange(trajectories):
        z = logits[trajectory]
        state = states[trajectory]
        weight = np.zeros(blocks * BLOCK, np.float32)
        running = np.empty(blocks, np.float64)
        drawn = np.empty(group, np.int64)
        steps = np.empty(group, np.float32)
        for _ in range(generations):
            top = z[0]
            for token in range(tokens):
                top = max(top, z[token])
            for token in range(tokens):
                weight[token] = exponential(z[token] - top)
            total = add_up(weight, running)
            for trace in range(group):
                state, u = uniform(state)
                drawn[trace] = found(weight, running, u * total, tokens)
            state = judged(drawn, chance, steps, state, learning_rate)
            for trace in range(group):
                z[drawn[trace]] += steps[trace]
        states[trajectory] = state
