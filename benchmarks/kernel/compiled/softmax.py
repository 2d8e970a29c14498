"""The two softmaxes of a generation, unnormalised, in single precision and in vector registers."""

import numpy as np
from numba import njit

_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_HALF, _ONE = np.float32(0.5), np.float32(1)
_LOWEST = np.float32(-87)
# e^f = 1 + f + f² × a polynomial of f for |f| ≤ ln(2)/2, from the highest power down (Cephes)
_C3, _C2, _C1 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
_C0, _B1, _B0 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)


@njit(inline="always", fastmath=True)
def exponential(x):
    """e^x for x ≤ 0 without a call, so that the compiler can do many at once."""
    x = max(x, _LOWEST)
    power = np.floor(x * _LOG2_E + _HALF)
    f = x - power * _LN2_HIGH - power * _LN2_LOW
    polynomial = ((((_C3 * f + _C2) * f + _C1) * f + _C0) * f + _B1) * f + _B0
    exponent = (np.int32(power) + np.int32(127)) << np.int32(23)
    return (polynomial * f * f + f + _ONE) * np.int32(exponent).view(np.float32)


@njit(inline="always", fastmath=True)
def weights(z, tempered, plain, inverse_temperature):
    """Fills `tempered` and `plain` with multiples of softmax(z / T) and softmax(z); gives the sum of `plain`."""
    top = z[0]
    for token in range(z.size):
        top = max(top, z[token])
    total = np.float32(0)
    for token in range(z.size):
        below = z[token] - top
        tempered[token] = exponential(below * inverse_temperature)
        plain[token] = exponential(below)
        total += plain[token]
    return total
