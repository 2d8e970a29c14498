"""Counts of the tokens as conditional binomials: of the draws that are left, each token takes its share."""

import numpy as np
from numba import njit, prange

from benchmarks.kernel.compiled.binomial import binomial
from benchmarks.kernel.compiled.softmax import weights


@njit(parallel=True, error_model="numpy")
def train(logits, states, batch, generations, learning_rate, temperature):
    """Trains every row of `logits` [trajectory, token] on its own samples. states: its random bits [trajectory]."""
    trajectories, tokens = logits.shape
    inverse_temperature = np.float32(1 / temperature)
    rate, share = np.float32(learning_rate), np.float32(learning_rate / batch)
    for trajectory in prange(trajectories):
        z = logits[trajectory]
        state = states[trajectory]
        tempered = np.empty(tokens, np.float32)
        plain = np.empty(tokens, np.float32)
        for _ in range(generations):
            scale = rate / weights(z, tempered, plain, inverse_temperature)
            for token in range(tokens):
                z[token] -= scale * plain[token]
            state = _add_counts(z, tempered, share, batch, state)
        states[trajectory] = state


@njit(error_model="numpy")
def _add_counts(z, weight, share, draws, state):
    rest = _sum(weight)
    left = draws
    for token in range(weight.size - 1):
        if left == 0:
            break
        state, drawn = binomial(state, left, min(1.0, weight[token] / rest))
        z[token] += share * np.float32(drawn)
        left -= drawn
        rest -= weight[token]
    z[weight.size - 1] += share * np.float32(left)
    return state


@njit(fastmath=True, error_model="numpy")
def _sum(weight):
    """In double precision and any order."""
    total = 0.0
    for token in range(weight.size):
        total += np.float64(weight[token])
    return total
