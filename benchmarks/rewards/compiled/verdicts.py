"""What a verifier with errors makes of a group: its decisions, and the step of each trace."""

import numpy as np
from numba import njit

from benchmarks.kernel.compiled.bits import STRIDE, mixed


@njit(inline="always", error_model="numpy")
def judged(drawn, chance, steps, state, rate):
    """Fills `steps` with η (r − r̄)/(G s) of each trace, 0 where all rewards are equal; gives the next state."""
    size, accepted = drawn.size, 0
    for trace in range(size):
        bits = mixed(state + np.uint64(trace + 1) * STRIDE) >> np.uint64(40)
        is_accepted = np.float32(np.int32(bits)) * np.float32(2.0**-24) < chance[drawn[trace]]
        steps[trace] = np.float32(is_accepted)
        accepted += np.int32(is_accepted)
    mean = np.float32(accepted / size)
    factor = np.float32(0)
    if 0 < accepted < size:
        factor = np.float32(rate / np.sqrt(accepted * (size - accepted)))
    for trace in range(size):
        steps[trace] = (steps[trace] - mean) * factor
    return state + np.uint64(size) * STRIDE
