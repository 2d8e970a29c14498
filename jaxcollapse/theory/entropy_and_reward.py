"""Entropy against reward along a run: the exact relation of a row, and how far an exponential law is from it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.policy_gradient import shares_at
from jaxcollapse.theory.registry import oracle

_PG = "update = 'policy_gradient', optimizer = 'sgd', steps = 1, temperature = 1, model = 'categorical'"
_PATH = (
    f"{_PG}, reward = 'verifier', TPR > FPR, any baseline and normalisation, no penalty or bonus, batch_size = inf; "
    "small learning_rate; or fine-tuning on accepted samples, update = 'gradient' with a verifier"
)


class EntropyLaw(NamedTuple):
    """The law R = −a e^S + b that fits a stretch of a run best.

    Attributes:
        a: how much the reward falls as e^S, the effective number of answers, grows by 1.
        b: the reward that the line reaches at e^S = 0; at S = 0 it is b − a.
        deviation: the largest distance of R from the line on the stretch.
    """

    a: float
    b: float
    deviation: float


@oracle(
    "S(w) = −Σ p ln p of the model with this wrong mass; R = 1 − w; for m equal right and n equal wrong answers "
    "S = h(w) + (1 − w) ln m + w ln n with h(w) = −w ln w − (1 − w) ln(1 − w)",
    assumes=_PATH,
    source="shares_at, whose path depends neither on η nor on J",
    error="O(η)",
)
def entropy_at(p0: ArrayLike, *, correct: ArrayLike, wrong_mass: ArrayLike) -> Float[np.ndarray, "*wrong"]:
    """The entropy of the model, in nat, when the reward is 1 − wrong_mass, however long that took.

    Args:
        p0: probabilities [token].
        correct: which tokens are correct, 1 or 0 [token].
        wrong_mass: w, at most that of p0; one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    return np.asarray(special.entr(shares_at(p0, correct=correct, wrong_mass=wrong_mass)).sum(axis=-1))


@oracle(
    "the least squares of R = −a e^S + b over (S(w), 1 − w); with m equal right and n equal wrong answers "
    "d²e^S/dw² = e^S [ln²((1 − w) n/(w m)) − 1/(w (1 − w))], and 0 would be the law",
    assumes=_PATH,
    source="the law: Cui et al. 2025 (2505.22617), fitted there to runs; its curvature: derived from entropy_at",
    error="O(η)",
)
def entropy_law(p0: ArrayLike, *, correct: ArrayLike, wrong_mass: ArrayLike) -> EntropyLaw:
    """The best a and b of R = −a e^S + b over a stretch of a run, and the largest deviation from this law.

    No row follows the law exactly. How near a row comes depends on the number n of wrong answers for each right one,
    if both kinds are equally likely among themselves (they stay so):

    - n/m near e^{√8}/(1 + √2)² = 2.90 follows it best: there the curvature of e^S has a double zero at
      w = (2 − √2)/4 = 0.15. Below 2.90, and above 1/2.90, e^S is concave in w at every w.
    - n ≫ m: e^S = m (n/m)^w e^{h(w)} is nearly exponential in w, so R is rather linear in S itself.
    - Wrong answers that are more likely than in a uniform row, w > n/(n + m): reward and entropy grow together.
    - The end, w → 0: e^S − m ≈ m w ln(1/w), which no line follows.
    - S = 0, where the law has its highest reward b − a, is the end of rows with a single right answer only. Equal
      right answers end at S = ln m and R = 1. Among unequal ones likely answers gain, so S falls further.

    Args:
        p0: probabilities [token].
        correct: which tokens are correct, 1 or 0 [token].
        wrong_mass: w at the points of the stretch, at most that of p0; at least three different ones [point].

    Raises:
        ValueError: an argument is out of its range.
    """
    points = np.ravel(np.asarray(wrong_mass, float))
    if np.unique(points).size < 3:
        arguments.refuse("wrong_mass", wrong_mass, "at least three different numbers")
    effective = np.exp(entropy_at(p0, correct=correct, wrong_mass=points))
    reward = 1 - points
    design = np.stack([-effective, np.ones_like(effective)], axis=1)
    a, b = np.linalg.lstsq(design, reward, rcond=None)[0]
    return EntropyLaw(float(a), float(b), float(np.abs(design @ [a, b] - reward).max()))


@oracle(
    "ΔS ≈ −η Cov_p(ln p, p A)",
    assumes=f"{_PG}, any reward, batch_size = inf; one row of a table, A the mean advantage of each token",
    source="dS = −Σ p (ln p + S) dz; Cui et al. 2025 (2505.22617)",
    error="O(η²)",
)
def entropy_step(p: ArrayLike, *, advantages: ArrayLike, learning_rate: float) -> float:
    """The change of the Shannon entropy in a step, nat.

    Args:
        p: probabilities of the model [token].
        advantages: A, of each token [token].
        learning_rate: η ≥ 0.

    Raises:
        ValueError: an argument is out of its range.
    """
    now = arguments.distribution("p", p)
    gained = now * np.asarray(advantages, float)
    log_p = np.log(np.where(now > 0, now, 1))
    covariance = np.sum(now * log_p * gained) - np.sum(now * log_p) * np.sum(now * gained)
    return float(-arguments.nonnegative("learning_rate", learning_rate) * covariance)
