"""One draw at a time from the running sum of the weights, in the way that suits the numbers of tokens and draws."""

import numpy as np
from numba import njit, prange

from benchmarks.kernel.compiled.bits import STRIDE, mixed, uniform
from benchmarks.kernel.compiled.blocks import BLOCK, add_up, found
from benchmarks.kernel.compiled.softmax import weights

_AT_ONCE = 256  # uniform numbers drawn at once
_FEW_TOKENS = 128  # up to here comparing with every token is faster than searching


@njit(parallel=True, fastmath=True, error_model="numpy")
def train(logits, states, batch, generations, learning_rate, temperature):
    """Trains every row of `logits` [trajectory, token] on its own samples. states: its random bits [trajectory]."""
    trajectories, tokens = logits.shape
    inverse_temperature = np.float32(1 / temperature)
    rate, share = np.float32(learning_rate), np.float32(learning_rate / batch)
    blocks = (tokens + BLOCK - 1) // BLOCK
    few_draws = batch < 8 or 4 * batch < tokens
    for trajectory in prange(trajectories):
        z = logits[trajectory]
        state = states[trajectory]
        tempered = np.zeros(blocks * BLOCK, np.float32)
        plain = np.empty(tokens, np.float32)
        running = np.empty(tokens, np.float64)
        start = np.empty(tokens, np.int32)
        uniforms = np.empty(_AT_ONCE, np.float32)
        counts = np.zeros(tokens, np.int32)
        for _ in range(generations):
            scale = rate / weights(z, tempered[:tokens], plain, inverse_temperature)
            if few_draws:
                state = _by_blocks(tempered, running[:blocks], counts, batch, state)
            elif tokens <= _FEW_TOKENS:
                state = _by_comparison(tempered[:tokens], uniforms, counts, batch, state)
            else:
                state = _by_table(tempered[:tokens], running, start, counts, batch, state)
            for token in range(tokens):
                z[token] += share * np.float32(counts[token]) - scale * plain[token]
                counts[token] = 0
        states[trajectory] = state


@njit(fastmath=True, error_model="numpy")
def _by_blocks(weight, running, counts, draws, state):
    """Few draws: a binary search among the sums of blocks, then along one block."""
    total = add_up(weight, running)
    for _ in range(draws):
        state, u = uniform(state)
        counts[found(weight, running, u * total, counts.size)] += 1
    return state


@njit(fastmath=True, error_model="numpy")
def _by_comparison(weight, uniforms, counts, draws, state):
    """Few tokens: how many draws exceed each running sum, many draws at once in vector registers."""
    tokens = weight.size
    for token in range(1, tokens):
        weight[token] += weight[token - 1]
    scale = weight[tokens - 1] * np.float32(2.0**-24)
    counts[0] = draws
    for first in range(0, draws, _AT_ONCE):
        at_once = min(_AT_ONCE, draws - first)
        for draw in range(at_once):
            random = mixed(state + np.uint64(draw + 1) * STRIDE)
            uniforms[draw] = np.float32(np.int32(random >> np.uint64(40))) * scale
        state += np.uint64(at_once) * STRIDE
        for token in range(1, tokens):
            below, above = weight[token - 1], np.int32(0)
            for draw in range(at_once):
                above += np.int32(uniforms[draw] >= below)
            counts[token] += above
    for token in range(tokens - 1):
        counts[token] -= counts[token + 1]
    return state


@njit(fastmath=True, error_model="numpy")
def _by_table(weight, running, start, counts, draws, state):
    """Many of both: a table says where the search begins, so that it takes two steps on average (Chen, Asau 1974)."""
    tokens = weight.size
    total = 0.0
    for token in range(tokens):
        total += weight[token]
        running[token] = total
    scale = tokens / total
    filled = 0
    for token in range(tokens):
        running[token] *= scale
        upto = tokens if token == tokens - 1 else min(tokens, np.int64(running[token]) + 1)
        while filled < upto:
            start[filled] = token
            filled += 1
    running[tokens - 1] = 2 * tokens  # above every draw
    for _ in range(draws):
        state, u = uniform(state)
        x = u * tokens
        token = np.uint64(start[np.uint64(x)])
        while running[token] <= x:
            token += np.uint64(1)
        counts[token] += 1
    return state
