"""Control parameters: axes on which cells of different temperature, samples or steps fall on one curve."""

import numpy as np
from jaxtyping import Float

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle


@oracle(
    "N (1/T − 1)",
    assumes="update = 'refit', temperature near 1, a fixed number of tokens; times in units of N generations",
    source="drift and selection of the diffusion limit in proportion",
    error="outcomes depend on it alone up to relative O(s + 1/N), s = 1/T − 1",
)
def refit_control(*, samples: float, temperature: float) -> Float[np.ndarray, ""]:
    """Strength of the temperature relative to drift under a refit: far above 1 temperature decides, far below 1 drift.

    Args:
        samples: N, which may be ∞.
        temperature: T of sampling, 0 and ∞ among them.

    Returns:
        Infinite where N is, or T is 0; NaN where T is 1 and N is ∞, where neither counts.

    Raises:
        ValueError: an argument is out of its range.
    """
    return _proportion(arguments.count("samples", samples), temperature)


@oracle(
    "B (1/T − 1)/η",
    assumes="update = 'gradient', optimizer = 'sgd', steps = 1, temperature near 1, small learning_rate",
    source="drift and selection of the diffusion limit in proportion",
    error="outcomes depend on it alone up to relative O(s + η/B), s = 1/T − 1",
)
def sgd_control(*, batch_size: float, temperature: float, learning_rate: float) -> Float[np.ndarray, ""]:
    """Strength of the temperature relative to drift under SGD: far above 1 temperature decides, far below 1 drift.

    Args:
        batch_size: B, which may be ∞.
        temperature: T of sampling, 0 and ∞ among them.
        learning_rate: η above 0.

    Returns:
        Infinite where B is, or T is 0; NaN where T is 1 and B is ∞, where neither counts.

    Raises:
        ValueError: an argument is out of its range.
    """
    number = arguments.count("batch_size", batch_size)
    return _proportion(number / arguments.positive("learning_rate", learning_rate), temperature)


def _proportion(number: float, temperature: float) -> Float[np.ndarray, ""]:
    """That of selection, 1/T − 1, and of drift, one over this number."""
    with np.errstate(divide="ignore", invalid="ignore"):  # 1/0, and ∞ · 0
        return np.asarray(number * (1 / np.float64(arguments.temperature(temperature)) - 1))
