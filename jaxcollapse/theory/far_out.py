"""How long a rare token stays above a threshold under SGD at temperature 1: forgetting is algebraic.

The odds w = 1/p_min grow by 2η in each step in which the rare token is not drawn, and shrink by the factor e^{−2η/B}
where it is, with probability B/w. So w/t has a law of its own, which is exponential only where 2η/B is small.
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle

_NODES = 400  # of a unit of delay
_SMOOTH = 0.02  # of 2η/B: the two laws then differ by less than 0.005
_LEAST = 1e-4  # share of the longest possible w below which its density is constant


@oracle(
    "P(x < 1/(2η ε t)) with (1 − x) g(x) = ∫_x^{x/ρ} g(y)/(κ y) dy on (0, 1), κ = 2η/B, ρ = e^{−κ}; "
    "for small κ 1 − exp(−B/(2η² ε t))",
    assumes="update = 'gradient', optimizer = 'sgd', steps = 1, temperature = 1, two tokens, from even odds; "
    "threshold ≪ 1 and t ≫ B/η²",
    source="flux through x = w/(2ηt), which grows steadily and shrinks by jumps; for small κ a Bessel process",
    error="too small by about 2ε ln(1/ε), relative",
)
def far_out_survival(
    *, learning_rate: float, batch_size: float, threshold: float, steps: ArrayLike
) -> Float[np.ndarray, "*step"]:
    """The probability that the rarer of two tokens is above the threshold after a number of steps of any size.

    Args:
        learning_rate: η above 0.
        batch_size: B.
        threshold: ε, above 0 and far below 1.
        steps: t ≥ 1, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    rate, number = arguments.positive("learning_rate", learning_rate), arguments.count("batch_size", batch_size)
    t, epsilon = arguments.times("steps", steps, least=1), arguments.share("threshold", threshold, above_zero=True)
    jump = 2 * rate / number
    place = 1 / (2 * rate * epsilon * t)
    if jump < _SMOOTH:
        return np.asarray(-np.expm1(-2 * place / jump))
    return np.asarray(np.interp(place, *_distribution(jump)))


def _distribution(jump: float) -> tuple[Float[np.ndarray, " place"], Float[np.ndarray, " place"]]:
    """P(x < place), at rising places from 0 to 1.

    Over u = −ln x/κ the balance is (1 − x) g = ∫_{u−1}^u g du: an integral over one unit, marched by the trapezoidal
    rule. In the first unit, out of reach of jumps from above, g = (1 − x)^{1/κ − 1} x^{−1/κ} up to a factor.
    """
    h = 1 / _NODES
    number = _NODES * math.ceil(max(2.0, -math.log(_LEAST) / jump)) + 1
    u = h * np.arange(number)
    x, rest = np.exp(-jump * u), -np.expm1(-jump * u)
    g, upto = np.zeros(number), np.zeros(number)  # upto = ∫_0^u g du, finite where g has a pole at u = 0
    first = slice(1, _NODES + 1)
    upto[first] = (rest[first] / x[first] / math.expm1(jump)) ** (1 / jump)
    g[first] = upto[first] / rest[first]
    for place in range(_NODES + 1, number):
        known = upto[place - 1] - upto[place - _NODES] + h / 2 * g[place - 1]
        g[place] = known / (rest[place] - h / 2)
        upto[place] = upto[place - 1] + h / 2 * (g[place - 1] + g[place])
    # The mass above x is ∫ g κ x du, by parts; below the last place g is constant.
    moved = x * upto
    above = jump * (moved + jump * np.append(0.0, np.cumsum(h / 2 * (moved[1:] + moved[:-1]))))
    total = above[-1] + g[-1] * x[-1]
    return np.append(0.0, x[::-1]), np.append(0.0, 1 - above[::-1] / total)
