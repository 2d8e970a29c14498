"""All weights anew in each generation, in vector registers; then a search for each draw among the sums of blocks."""

import numpy as np
from numba import njit, prange

from benchmarks.kernel.compiled.bits import uniform
from benchmarks.kernel.compiled.softmax import exponential
from benchmarks.rewards.compiled.verdicts import judged

_BLOCK = 16  # tokens of a block, the width of a vector register


@njit(parallel=True, fastmath=True, error_model="numpy")
def train(logits, states, chance, group, generations, learning_rate):
    """Trains every row of `logits` [trajectory, token] by a policy gradient. states: its random bits [trajectory]."""
    trajectories, tokens = logits.shape
    blocks = (tokens + _BLOCK - 1) // _BLOCK
    for trajectory in prange(trajectories):
        z = logits[trajectory]
        state = states[trajectory]
        weight = np.zeros(blocks * _BLOCK, np.float32)
        running = np.empty(blocks, np.float64)
        drawn = np.empty(group, np.int64)
        steps = np.empty(group, np.float32)
        for _ in range(generations):
            top = z[0]
            for token in range(tokens):
                top = max(top, z[token])
            for token in range(tokens):
                weight[token] = exponential(z[token] - top)
            total = 0.0
            for block in range(blocks):
                within = np.float32(0)
                for token in range(_BLOCK):
                    within += weight[_BLOCK * block + token]
                total += within
                running[block] = total
            for trace in range(group):
                state, u = uniform(state)
                drawn[trace] = _found(weight, running, u * total, tokens)
            state = judged(drawn, chance, steps, state, learning_rate)
            for trace in range(group):
                z[drawn[trace]] += steps[trace]
        states[trajectory] = state


@njit(inline="always", fastmath=True, error_model="numpy")
def _found(weight, running, x, tokens):
    """The token of a number below the total: a binary search among blocks, then along one block."""
    block, left = 0, running.size
    while left > 1:
        half = left >> 1
        if running[block + half - 1] <= x:
            block += half
        left -= half
    rest = np.float32(x - (running[block - 1] if block > 0 else 0.0))
    passed, within = 0, np.float32(0)
    for token in range(_BLOCK - 1):
        within += weight[_BLOCK * block + token]
        passed += np.int32(within <= rest)
    return min(_BLOCK * block + passed, tokens - 1)
