"""Top-k, top-p and min-p: what is left of a distribution at once, and of a model that is refitted to it without end."""

import math

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle

_ROUNDING = 1e-12  # a sum of probabilities that is nearer than this to `top_p` has reached it


@oracle(
    "q ∝ p on the tokens that top-k, top-p and min-p keep, in this order; tokens that tie at the edge stay",
    assumes="sampling from p at temperature 1",
    source="Fan et al. 2018 (top-k), Holtzman et al. 2020 (top-p), Nguyen et al. 2024 (min-p)",
)
def truncated(
    p: ArrayLike, *, top_k: float = math.inf, top_p: float = 1.0, min_p: float = 0.0
) -> Float[np.ndarray, " token"]:
    """The distribution that traces are drawn from after truncation.

    Args:
        p: probabilities [token], tempered if need be.
        top_k: number of the most likely tokens that are kept.
        top_p: probability that the most likely tokens kept reach together.
        min_p: least probability kept, as a share of the greatest.

    Raises:
        ValueError: an argument is out of its range.
    """
    q = arguments.distribution("p", p)
    top_k = arguments.count("top_k", top_k)
    top_p, min_p = arguments.share("top_p", top_p, above_zero=True), arguments.share("min_p", min_p)
    if top_k < q.size:
        q = _kept(q, q >= np.sort(q)[-int(top_k)])
    if top_p < 1:
        order = np.sort(q)[::-1]
        reached = np.cumsum(order) >= top_p - _ROUNDING
        q = _kept(q, q >= order[reached.argmax()])
    return _kept(q, q >= min_p * q.max())


@oracle(
    "p0 truncated again and again until nothing is cut: for top-k and min-p once, for top-p until the rarest token "
    "left has more than 1 − top_p",
    assumes="refit, samples = inf, temperature = 1",
    source="the fixed point of `truncated`",
)
def truncation_limit(
    p0: ArrayLike, *, top_k: float = math.inf, top_p: float = 1.0, min_p: float = 0.0
) -> Float[np.ndarray, " token"]:
    """The model after many generations of refits to its truncated samples.

    Args:
        p0: probabilities [token].
        top_k: number of the most likely tokens that are kept.
        top_p: probability that the most likely tokens kept reach together.
        min_p: least probability kept, as a share of the greatest.

    Raises:
        ValueError: an argument is out of its range.
    """
    before = arguments.distribution("p0", p0)
    while True:
        after = truncated(before, top_k=top_k, top_p=top_p, min_p=min_p)
        if np.array_equal(after > 0, before > 0):
            return after
        before = after


def _kept(q: Float[np.ndarray, " token"], keep: Bool[np.ndarray, " token"]) -> Float[np.ndarray, " token"]:
    left = np.where(keep, q, 0.0)
    return left / left.sum()
