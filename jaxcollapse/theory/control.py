"""Control parameters: axes on which cells of different temperature, samples or steps fall on one curve."""

import numpy as np
from jaxtyping import Float

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle


@oracle(
    "N (1/T − 1)",
    assumes="update = 'refit', temperature near 1, a given number of tokens; times in units of N generations",
    source="drift and selection of the diffusion limit in proportion",
    error="what depends on it does so up to relative O(s + 1/N), s = 1/T − 1",
)
def refit_control(*, samples: float, temperature: float) -> Float[np.ndarray, ""]:
    """How much the temperature counts against chance, under a refit: far above 1 it decides, far below chance does.

    Args:
        samples: N.
        temperature: T above 0, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    number = arguments.count("samples", samples, most=1e15)
    return np.asarray(number * (1 / arguments.positive("temperature", temperature) - 1))


@oracle(
    "B (1/T − 1)/η",
    assumes="update = 'gradient', optimizer = 'sgd', steps = 1, temperature near 1, small learning_rate",
    source="drift and selection of the diffusion limit in proportion",
    error="what depends on it does so up to relative O(s + η/B), s = 1/T − 1",
)
def sgd_control(*, batch_size: float, temperature: float, learning_rate: float) -> Float[np.ndarray, ""]:
    """How much the temperature counts against chance, under SGD: far above 1 it decides, far below chance does.

    Args:
        batch_size: B.
        temperature: T above 0, of sampling.
        learning_rate: η above 0.

    Raises:
        ValueError: an argument is out of its range.
    """
    number = arguments.count("batch_size", batch_size, most=1e15)
    selection = 1 / arguments.positive("temperature", temperature) - 1
    return np.asarray(number * selection / arguments.positive("learning_rate", learning_rate))
