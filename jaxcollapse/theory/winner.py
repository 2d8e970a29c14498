"""Which of two tokens SGD at T < 1 ends with."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.control import sgd_control
from jaxcollapse.theory.registry import oracle


@oracle(
    "Φ(y0 √(B s/η)), y0 the log-odds at the start, s = 1/T − 1",
    assumes="update = 'gradient', optimizer = 'sgd', steps = 1, two tokens, temperature below 1",
    source="the scale function of the log-odds' diffusion, drift 2ηs p(1 − p) y, variance 4η² p(1 − p)/B",
    error="O(s y0 + η/B): below 0.01 for s ≤ 0.25 and η/B ≤ 0.4",
)
def sgd_win_probability(
    p0: ArrayLike, *, temperature: float, learning_rate: float, batch_size: float
) -> Float[np.ndarray, ""]:
    """The approximate probability that SGD ends with the first of two tokens; it depends on B(1/T − 1)/η only.

    Args:
        p0: probabilities of the two tokens.
        temperature: T above 0 and below 1, of sampling.
        learning_rate: η above 0.
        batch_size: B.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.two_tokens("p0", p0)
    cold = arguments.low_temperature(temperature)
    control = sgd_control(temperature=cold, learning_rate=learning_rate, batch_size=batch_size)
    return np.asarray(special.ndtr(special.logit(p[0]) * np.sqrt(control)))
