"""What oracles take: each kind of argument checked, and made to float64 or whole numbers."""

import math
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from jaxcollapse.errors import InputError, shown

_NEAR_ONE = 1e-4  # what probabilities may add up to beside 1: that of a dataset's float32
MOST_TOKENS_OF_SUBSETS = 20  # where a sum goes over all sets of tokens


def distribution(name: str, values: ArrayLike) -> Float[np.ndarray, " token"]:
    """Probabilities of tokens [token]; what is lost to rounding is given back."""
    p = np.asarray(values, np.float64)
    if p.ndim != 1 or p.size == 0:
        refuse(name, f"an array of shape {p.shape}", "one row of probabilities")
    if not (np.all(p >= 0) and abs(p.sum() - 1) <= _NEAR_ONE):
        refuse(name, values, "probabilities ≥ 0 that add up to 1")
    return p / p.sum()


def two_tokens(name: str, values: ArrayLike) -> Float[np.ndarray, " token"]:
    """The probabilities of two tokens, checked: exactly two are needed."""
    p = distribution(name, values)
    if p.size != 2:
        refuse(name, values, "the probabilities of two tokens")
    return p


def few_tokens(name: str, values: ArrayLike) -> Float[np.ndarray, " token"]:
    """The probabilities of tokens that are there, few enough to go over all sets of them."""
    p = distribution(name, values)
    p = p[p > 0]
    if p.size > MOST_TOKENS_OF_SUBSETS:
        refuse(
            name,
            f"{p.size} tokens",
            f"at most {MOST_TOKENS_OF_SUBSETS} tokens, since the sum runs over all sets of tokens",
        )
    return p


def logits(name: str, values: ArrayLike) -> Float[np.ndarray, " token"]:
    """A number for each token."""
    z = np.asarray(values, np.float64)
    if z.ndim != 1 or z.size == 0 or not np.all(np.isfinite(z)):
        refuse(name, values, "one row of finite numbers")
    return z


def times(name: str, values: ArrayLike, *, least: int = 0) -> Int[np.ndarray, "*time"]:
    """Generations or steps: whole numbers from `least` on, one or an array of any shape."""
    given = np.asarray(values)
    whole = given.astype(np.int64) if given.dtype.kind in "iuf" and np.all(np.isfinite(given)) else None
    if whole is None or np.any(whole != given) or np.any(whole < least):
        refuse(name, values, f"whole numbers ≥ {least}")
    return whole


def count(name: str, value: float, *, most: float = math.inf, least: int = 1) -> float:
    """A whole number ≥ 1, or infinity where `most` allows it."""
    if not (least <= value <= most and (value == math.inf or value == int(value))):
        upper = "inf" if most == math.inf else f"{most:g}"
        refuse(name, value, f"a whole number from {least} to {upper}")
    return value


def temperature(value: float) -> float:
    """A temperature T ≥ 0, 0 and ∞ among them."""
    if not value >= 0:
        refuse("temperature", value, "a number ≥ 0")
    return float(value)


def low_temperature(value: float) -> float:
    """A temperature between 0 and 1."""
    if not 0 < value < 1:
        refuse("temperature", value, "a number above 0 and below 1")
    return float(value)


def share(name: str, value: float, *, above_zero: bool = False) -> float:
    """A number from 0 to 1."""
    if not (0 <= value <= 1 and not (above_zero and value == 0)):
        refuse(name, value, "a number above 0, at most 1" if above_zero else "a number from 0 to 1")
    return float(value)


def threshold(name: str, value: float) -> float:
    """A number ≥ 0 and below 1/2: of two shares above 1 − ε there is only one."""
    if not 0 <= value < 0.5:
        refuse(name, value, "a number ≥ 0 and below 0.5")
    return float(value)


def positive(name: str, value: float) -> float:
    """A finite number above 0."""
    if not 0 < value < math.inf:
        refuse(name, value, "a finite number above 0")
    return float(value)


def nonnegative(name: str, value: float) -> float:
    """A finite number ≥ 0."""
    if not 0 <= value < math.inf:
        refuse(name, value, "a finite number ≥ 0")
    return float(value)


def refuse(name: str, value: Any, allowed: str) -> NoReturn:
    """Raises an error that names the argument, its value and what is allowed."""
    told = value if isinstance(value, str) else shown(value)
    raise InputError(name, f"{told}: must be {allowed}")
