"""A tree of partial sums that is kept: only tokens that were drawn get new weights, and only the sums above them."""

import numpy as np
from numba import njit, prange

from benchmarks.kernel.compiled.bits import uniform
from benchmarks.kernel.compiled.softmax import exponential
from benchmarks.rewards.compiled.verdicts import judged

_BOUND = np.float32(40)  # of a logit above the one that weights are relative to


@njit(parallel=True, fastmath=True, error_model="numpy")
def train(logits, states, chance, group, generations, learning_rate):
    """Trains every row of `logits` [trajectory, token] by a policy gradient. states: its random bits [trajectory]."""
    trajectories, tokens = logits.shape
    leaves = 1
    while leaves < tokens:
        leaves *= 2
    for trajectory in prange(trajectories):
        z = logits[trajectory]
        state = states[trajectory]
        sums = np.zeros(2 * leaves, np.float32)
        drawn = np.empty(group, np.int64)
        steps = np.empty(group, np.float32)
        relative_to = _weigh_all(z, sums, leaves)
        for _ in range(generations):
            total = sums[1]
            for trace in range(group):
                state, u = uniform(state)
                rest = np.float32(u) * total
                node = 1
                while node < leaves:
                    left = sums[2 * node]
                    goes_right = rest >= left
                    rest -= left if goes_right else np.float32(0)
                    node = 2 * node + np.int64(goes_right)
                drawn[trace] = min(node - leaves, tokens - 1)
            state = judged(drawn, chance, steps, state, learning_rate)
            if steps[0] == 0:
                continue
            is_far = False
            for trace in range(group):
                z[drawn[trace]] += steps[trace]
            for trace in range(group):
                own = z[drawn[trace]] - relative_to
                is_far |= own > _BOUND
                sums[leaves + drawn[trace]] = exponential(own - _BOUND)
            if is_far:
                relative_to = _weigh_all(z, sums, leaves)
                continue
            for trace in range(group):
                node = (leaves + drawn[trace]) >> 1
                while node > 0:
                    sums[node] = sums[2 * node] + sums[2 * node + 1]
                    node >>= 1
        states[trajectory] = state


@njit(fastmath=True, error_model="numpy")
def _weigh_all(z, sums, leaves):
    top = z[0]
    for token in range(z.size):
        top = max(top, z[token])
    for token in range(z.size):
        sums[leaves + token] = exponential(z[token] - top - _BOUND)
    for node in range(leaves - 1, 0, -1):
        sums[node] = sums[2 * node] + sums[2 * node + 1]
    return top
