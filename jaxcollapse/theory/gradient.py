"""One step of SGD on a minibatch of the model's own samples: exact moments of logits, second order for what follows."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.errors import InputError
from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.tempering import tempered

MOST_OUTCOMES = 200_000
_SGD = "update = 'gradient', optimizer = 'sgd', the first step"
_STEP = "z ← z − η (p − p̂_B), the gradient of the cross-entropy of a table"
_SECOND = "relative O(η/B + η²/B): the third moment of a batch, and the fourth"


@oracle(
    "E Δz = η (τ_T(p0) − p0); at T = 1 it is 0, also in every later generation of one step: a martingale",
    assumes=f"{_SGD}; any batch_size",
    source=_STEP,
)
def mean_logit_step(p0: ArrayLike, *, learning_rate: float, temperature: float = 1.0) -> Float[np.ndarray, " token"]:
    """The mean change of the logits.

    Args:
        p0: probabilities [token].
        learning_rate: η ≥ 0.
        temperature: T ≥ 0, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, rate = arguments.distribution("p0", p0), arguments.nonnegative("learning_rate", learning_rate)
    return rate * (tempered(p, arguments.temperature(temperature)) - p)


@oracle("Cov Δz = η² (diag q − q qᵀ)/B, q = τ_T(p0)", assumes=_SGD, source=_STEP)
def logit_step_covariance(
    p0: ArrayLike, *, learning_rate: float, batch_size: float, temperature: float = 1.0
) -> Float[np.ndarray, "token token"]:
    """The covariance of the change of the logits.

    Args:
        p0: probabilities [token].
        learning_rate: η ≥ 0.
        batch_size: B, inf allowed.
        temperature: T ≥ 0, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    q = tempered(arguments.distribution("p0", p0), arguments.temperature(temperature))
    scale = arguments.nonnegative("learning_rate", learning_rate) ** 2 / arguments.count("batch_size", batch_size)
    return scale * (np.diag(q) - np.outer(q, q))


class StepLaw(NamedTuple):
    """The law of one optimiser step: all its possible outcomes.

    Attributes:
        chance: probability of each outcome, [outcome].
        p: probabilities of the tokens after the step, [outcome, token].
    """

    chance: Float[np.ndarray, " outcome"]
    p: Float[np.ndarray, "outcome token"]


@oracle("every batch n with its multinomial probability, p ∝ p0 e^{−η (p0 − n/B)}", assumes=_SGD, source=_STEP)
def step_law(p0: ArrayLike, *, learning_rate: float, batch_size: int, temperature: float = 1.0) -> StepLaw:
    """The exact distribution of the model after one step, by enumeration of all batches; any mean is a sum over it.

    Args:
        p0: probabilities [token].
        learning_rate: η ≥ 0.
        batch_size: B; there must be no more than 200 000 different batches.
        temperature: T ≥ 0, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, rate = arguments.distribution("p0", p0), arguments.nonnegative("learning_rate", learning_rate)
    size = int(arguments.count("batch_size", batch_size, most=1e9))
    number = math.comb(size + p.size - 1, p.size - 1)
    if number > MOST_OUTCOMES:
        raise InputError(
            "batch_size", f"{size}: {number} batches of {p.size} tokens; at most {MOST_OUTCOMES} are allowed"
        )
    batches = _compositions(size, p.size)
    q = tempered(p, arguments.temperature(temperature))
    ways = special.gammaln(size + 1) - special.gammaln(batches + 1).sum(axis=1)
    moved = p * np.exp(-rate * (p - batches / size))
    return StepLaw(np.exp(ways + special.xlogy(batches, q).sum(axis=1)), moved / moved.sum(axis=1, keepdims=True))


@oracle(
    "E Δp_i = (η²/2B) p_i [p_i (1 + 2F) − 3p_i² + 3G − 2F² − F], F = Σ p², G = Σ p³",
    assumes=f"{_SGD}; temperature = 1",
    source="second order of p(z + Δz) in Δz",
    error=_SECOND,
)
def mean_probability_step(p0: ArrayLike, *, learning_rate: float, batch_size: float) -> Float[np.ndarray, " token"]:
    """The mean change of the probabilities, which is not 0 although the mean change of the logits is.

    Args:
        p0: probabilities [token].
        learning_rate: η ≥ 0.
        batch_size: B, inf allowed.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, scale = arguments.distribution("p0", p0), _scale(learning_rate, batch_size)
    f, g = (p**2).sum(), (p**3).sum()
    return scale * p * (p * (1 + 2 * f) - 3 * p**2 + 3 * g - 2 * f**2 - f)


@oracle(
    "E ΔS = (η²/2B) Σ p_i² [(p_i − F) c_i − (1 + c_i)(1 − 2p_i + F)], c = ln p + S, F = Σ p²; from uniform "
    "−(η²/2B)(V − 1)/V²",
    assumes=f"{_SGD}; temperature = 1",
    source="second order of S(z + Δz) in Δz",
    error=_SECOND,
)
def mean_entropy_step(p0: ArrayLike, *, learning_rate: float, batch_size: float) -> Float[np.ndarray, ""]:
    """The mean change of the entropy, in nat: negative from uniform, possibly positive from a peaked p0.

    Args:
        p0: probabilities [token].
        learning_rate: η ≥ 0.
        batch_size: B, inf allowed.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.distribution("p0", p0)
    p = p[p > 0]
    f, c = (p**2).sum(), np.log(p) + special.entr(p).sum()
    change = (p**2 * ((p - f) * c - (1 + c) * (1 - 2 * p + f))).sum()
    return np.asarray(_scale(learning_rate, batch_size) * change)


@oracle(
    "E Δz_i = η (2 τ_T(p0)_i − 1), so that E Δ(z_i − z_j) = 2η (q_i − q_j)",
    assumes="update = 'gradient', optimizer = 'sign_sgd', batch_size = 1, the first step; two tokens or more",
    source="the sign of p − p̂: − for the token that was drawn, + for all others",
)
def mean_sign_step(p0: ArrayLike, *, learning_rate: float, temperature: float = 1.0) -> Float[np.ndarray, " token"]:
    """The mean change of the logits under sign descent on single traces, which is not 0 even at T = 1.

    Args:
        p0: probabilities [token].
        learning_rate: η ≥ 0.
        temperature: T ≥ 0, of sampling.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, rate = arguments.distribution("p0", p0), arguments.nonnegative("learning_rate", learning_rate)
    q = tempered(p, arguments.temperature(temperature))
    return np.where((p > 0) & (p < 1), rate * (2 * q - 1), 0.0)  # sign 0 = 0


def _scale(learning_rate: float, batch_size: float) -> float:
    """η²/2B for a learning rate η and a batch size B."""
    rate = arguments.nonnegative("learning_rate", learning_rate)
    return rate**2 / (2 * arguments.count("batch_size", batch_size))


def _compositions(total: int, parts: int) -> Float[np.ndarray, "outcome part"]:
    """All ways to write a number as an ordered sum of so many numbers ≥ 0."""
    if parts == 1:
        return np.array([[float(total)]])
    blocks = []
    for first in range(total + 1):
        rest = _compositions(total - first, parts - 1)
        blocks.append(np.hstack([np.full((len(rest), 1), float(first)), rest]))
    return np.vstack(blocks)
