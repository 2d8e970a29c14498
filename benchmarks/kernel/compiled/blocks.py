"""Single draws from weights in blocks: a search among the sums of blocks, then along one block."""

import numpy as np
from numba import njit

BLOCK = 16  # tokens of a block, the width of a vector register


@njit(inline="always", fastmath=True, error_model="numpy")
def add_up(weight, running):
    """Fills `running` with the running sums of blocks; gives the total."""
    total = 0.0
    for block in range(running.size):
        within = np.float32(0)
        for token in range(BLOCK):
            within += weight[BLOCK * block + token]
        total += within
        running[block] = total
    return total


@njit(inline="always", fastmath=True, error_model="numpy")
def found(weight, running, x, tokens):
    """The token of a number below the total."""
    block, left = 0, running.size
    while left > 1:
        half = left >> 1
        if running[block + half - 1] <= x:
            block += half
        left -= half
    rest = np.float32(x - (running[block - 1] if block > 0 else 0.0))
    passed, within = 0, np.float32(0)
    for token in range(BLOCK - 1):
        within += weight[BLOCK * block + token]
        passed += np.int32(within <= rest)
    return min(BLOCK * block + passed, tokens - 1)
