"""Curation by reward and a verifier, in the limit of infinitely many samples."""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.truncation import truncated

_REFIT = "update = 'refit', samples = inf, corpus = 'replace', mixing = 1, no real data"


@oracle(
    "p_g ∝ p0 e^{gβr}, r the scores; with r = ln p0 this is p0^{1 + gβ}",
    assumes=f"{_REFIT}, temperature = 1, curation = 'bradley_terry', candidates = inf; reward = 'score', "
    "or 'original_likelihood' with ln p0 for the scores",
    source="Ferbach et al. 2024 (2407.09499)",
)
def curated_refit(
    p0: ArrayLike, *, scores: ArrayLike, reward_scale: float = 1.0, generations: ArrayLike
) -> Float[np.ndarray, "*generation token"]:
    """The model if the best of many candidates by a fixed reward are kept.

    Args:
        p0: probabilities [token].
        scores: r [token].
        reward_scale: β.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    r = arguments.logits("scores", scores)
    if r.size != p.size:
        arguments.refuse("scores", f"{r.size} of them", f"one for each of the {p.size} tokens")
    with np.errstate(divide="ignore"):
        return special.softmax(np.log(p) + reward_scale * g[..., np.newaxis] * r, axis=-1)


@oracle(
    "T_eff = (1 + β)^{−g}",
    assumes=f"{_REFIT}, temperature = 1, curation = 'bradley_terry', candidates = inf, reward = 'likelihood'",
    source="p e^{β ln p} = p^{1 + β}",
)
def curation_temperature(*, reward_scale: float, generations: ArrayLike) -> Float[np.ndarray, "*generation"]:
    """The temperature at which the original looks like a model that is curated by its own likelihood.

    Args:
        reward_scale: β above −1.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    if not -1 < reward_scale < math.inf:
        arguments.refuse("reward_scale", reward_scale, "a finite number above -1")
    return np.asarray((1 + reward_scale) ** -arguments.times("generations", generations).astype(np.float64))


@oracle(
    "p_g ∝ p0 · (TPR/FPR)^g on the correct tokens, p0 on the others",
    assumes=f"{_REFIT}, temperature = 1; correct are the most likely tokens of p0 that hold `correct_share`",
    source="Bayes' rule, once in each generation",
)
def verified_refit(
    p0: ArrayLike,
    *,
    true_positive_rate: float,
    false_positive_rate: float,
    correct_share: float = 0.9,
    generations: ArrayLike,
) -> Float[np.ndarray, "*generation token"]:
    """The model that is refitted to the samples that a verifier accepts.

    Args:
        p0: probabilities [token].
        true_positive_rate: TPR above 0, share of correct samples that are accepted.
        false_positive_rate: FPR above 0, share of the others that are.
        correct_share: probability that correct tokens hold together.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    gain = _log_gain(true_positive_rate, false_positive_rate)
    correct = truncated(p, top_p=correct_share) > 0
    with np.errstate(divide="ignore"):
        return special.softmax(np.log(p) + gain * g[..., np.newaxis] * correct, axis=-1)


@oracle(
    "σ(−ln(TPR/FPR)/(1/T − 1)), from y ← y/T + ln(TPR/FPR) of the log-odds y",
    assumes=f"{_REFIT}, temperature below 1; one correct token and one other",
    source="the unstable fixed point of the log-odds",
)
def verifier_threshold(
    *, temperature: float, true_positive_rate: float, false_positive_rate: float
) -> Float[np.ndarray, ""]:
    """The probability of the correct one of two tokens above which it wins and below which the other one wins.

    At T = 1 there is no threshold: the token that is accepted more often always wins.

    Args:
        temperature: T above 0 and below 1, of sampling.
        true_positive_rate: TPR above 0, share of correct samples that are accepted.
        false_positive_rate: FPR above 0, share of the others that are.

    Raises:
        ValueError: an argument is out of its range.
    """
    gain = _log_gain(true_positive_rate, false_positive_rate)
    return np.asarray(special.expit(-gain / (1 / arguments.low_temperature(temperature) - 1)))


def _log_gain(true_positive_rate: float, false_positive_rate: float) -> float:
    """ln(TPR/FPR): how much the verifier raises the log-odds of a correct token."""
    true = arguments.share("true_positive_rate", true_positive_rate, above_zero=True)
    return math.log(true / arguments.share("false_positive_rate", false_positive_rate, above_zero=True))
