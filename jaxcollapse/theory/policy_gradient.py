"""Training with a reward: one step of a policy gradient exactly, its mean field, and what groups miss."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle

_PG = "update = 'policy_gradient', optimizer = 'sgd', steps = 1, temperature = 1, model = 'categorical'"
_VERIFIED = f"{_PG}, reward = 'verifier'"
_FIELD = f"{_VERIFIED}, baseline = 'mean', normalise = 'std', batch_size = inf; small learning_rate"
_ROUNDED = 1e-6  # relative; by how much a sum of single-precision probabilities may be off
_RAD = "Rad et al. 2026 (2601.04411) for one answer of each kind"


@oracle(
    "E Δz_i = η p_i E[A | i]; among the G − 1 others of a group, the number of rewards of 1 is binomial",
    assumes=f"{_VERIFIED}, baseline = 'mean', normalise = 'std', the first step",
    source="the sum over the outcomes of a group; A = (r − r̄)/s, 0 where s is",
)
def policy_gradient_step(
    p0: ArrayLike,
    *,
    correct: ArrayLike,
    learning_rate: float,
    group_size: int,
    true_positive_rate: float = 1.0,
    false_positive_rate: float = 0.0,
) -> Float[np.ndarray, " token"]:
    """The mean change of the logits in a step.

    Args:
        p0: probabilities [token].
        correct: which tokens are correct, 1 or 0 [token].
        learning_rate: η ≥ 0.
        group_size: G.
        true_positive_rate: share of the correct that the verifier accepts.
        false_positive_rate: share of all others that it accepts.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, right = _answers(p0, correct)
    size = int(arguments.count("group_size", group_size))
    rate = np.where(right, true_positive_rate, false_positive_rate)
    others = np.arange(size)
    accepted = p @ rate
    ways = special.gammaln(size) - special.gammaln(others + 1) - special.gammaln(size - others)
    chance = np.exp(ways + special.xlogy(others, accepted) + special.xlog1py(size - 1 - others, -accepted))
    won, lost = chance @ _advantage(1, others + 1, size), chance @ _advantage(0, others, size)
    return arguments.nonnegative("learning_rate", learning_rate) * p * (rate * won + (1 - rate) * lost)


def _advantage(reward: int, ones: np.ndarray, size: int) -> np.ndarray:
    """(r − r̄)/s of a trace in groups with so many rewards of 1."""
    spread = np.sqrt(ones * (size - ones)) / size
    return np.where(spread > 0, (reward - ones / size) / np.where(spread > 0, spread, 1), 0)


@oracle(
    "Cov Δz = (η²/G) (diag p − p pᵀ) (1 − 2^{1−G}), and E Δz = 0",
    assumes=f"{_PG}, reward = 'coin', baseline = 'mean', normalise = 'std', one group, no clipping; the first step",
    source="a group whose rewards differ has Σ A² = G and Σ A = 0; all agree with probability 2^{1−G}",
)
def coin_step_covariance(p0: ArrayLike, *, learning_rate: float, group_size: int) -> Float[np.ndarray, "token token"]:
    """The covariance of the change of the logits if rewards say nothing.

    Args:
        p0: probabilities [token].
        learning_rate: η ≥ 0.
        group_size: G.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, size = arguments.distribution("p0", p0), arguments.count("group_size", group_size)
    scale = arguments.nonnegative("learning_rate", learning_rate) ** 2 / size * (1 - 2.0 ** (1 - size))
    return scale * (np.diag(p) - np.outer(p, p))


@oracle(
    "db/dt = −η (J/σ) [b (1 − b)]² (C_g + C_b), dy_i/dt = η (J/σ) b (1 − b) y_i (y_i − C_g), and the same with −C_b "
    "for −C_g and −J for J among the wrong; J = TPR − FPR, σ² = r̄ (1 − r̄)",
    assumes=f"{_FIELD}, large group_size",
    source=f"the mean of the step; {_RAD}",
    error="O(η) of a step, O(1/G) of the speed",
)
def policy_gradient_flow(
    p0: ArrayLike,
    *,
    correct: ArrayLike,
    learning_rate: float,
    true_positive_rate: float = 1.0,
    false_positive_rate: float = 0.0,
    generations: ArrayLike,
) -> Float[np.ndarray, "*generation token"]:
    """The model in the limit of many traces and small steps.

    Args:
        p0: probabilities [token].
        correct: which tokens are correct, 1 or 0 [token].
        learning_rate: η ≥ 0.
        true_positive_rate: share of the correct that the verifier accepts.
        false_positive_rate: share of all others that it accepts.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, right = _answers(p0, correct)
    times = arguments.times("generations", generations)
    rate = arguments.nonnegative("learning_rate", learning_rate)
    informed = true_positive_rate - false_positive_rate

    def speed(_: float, logits: np.ndarray) -> np.ndarray:
        p = special.softmax(logits)
        good = p[right].sum()
        accepted = good * true_positive_rate + (1 - good) * false_positive_rate
        spread = np.sqrt(accepted * (1 - accepted))
        step: np.ndarray = rate * informed * _pull(p, right) / spread if spread > 0 else np.zeros_like(p)
        return step

    return _integrated(speed, p, 0.0, times)


@oracle(
    "dy_i/db = −y_i (y_i − C_g) / (b (1 − b) (C_g + C_b)): neither J and σ nor the rate is in it",
    assumes=f"{_FIELD}; or fine-tuning on accepted samples, update = 'gradient' with a verifier",
    source="the quotient of the flows of y and b",
    error="O(η)",
)
def shares_at(p0: ArrayLike, *, correct: ArrayLike, wrong_mass: ArrayLike) -> Float[np.ndarray, "*wrong token"]:
    """The model at the time when the wrong answers have this probability together, however long that took.

    Args:
        p0: probabilities [token].
        correct: which tokens are correct, 1 or 0 [token].
        wrong_mass: b, at most that of p0; one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, right = _answers(p0, correct)
    wanted = np.asarray(wrong_mass, float)
    start = p[~right].sum()
    if not ((wanted > 0) & (wanted <= start * (1 + _ROUNDED))).all():
        arguments.refuse("wrong_mass", f"{wanted}", f"above 0, and at most that of p0, {start:g}")

    def speed(_: float, logits: np.ndarray) -> np.ndarray:  # by −ln b, which only grows
        p = special.softmax(logits)
        good, bad = p[right].sum(), p[~right].sum()
        step: np.ndarray = _pull(p, right) / (bad * np.sum(p[right] ** 2) + good**2 * np.sum(p[~right] ** 2) / bad)
        return step

    return _integrated(speed, p, float(-np.log(start)), np.asarray(-np.log(np.minimum(wanted, start))))


@oracle(
    "(1 − τ)^N − (1 − μ)^N − (μ − τ)^N: nothing rare is drawn, but not only wrong and not only right answers",
    assumes=f"{_VERIFIED}, true_positive_rate = 1, false_positive_rate = 0, one group",
    source="2602.06717",
)
def rare_miss_probability(
    *, group_size: ArrayLike, correct_mass: float, rare_mass: float
) -> Float[np.ndarray, "*size"]:
    """The probability that a group makes a step, and has not seen a rare correct answer.

    Args:
        group_size: N, one or an array of them.
        correct_mass: μ, the probability of all correct answers together.
        rare_mass: τ, that of the rare one.

    Raises:
        ValueError: an argument is out of its range.
    """
    sizes = arguments.times("group_size", group_size, least=1)
    good, rare = arguments.share("correct_mass", correct_mass), arguments.share("rare_mass", rare_mass)
    if rare > good:
        arguments.refuse("rare_mass", rare, f"at most correct_mass = {good:g}")
    return np.asarray((1 - rare) ** sizes - (1 - good) ** sizes - (good - rare) ** sizes)


@oracle(
    "p = 1/(1 + (1 − p_ref)/p_ref · e^{−1/(β √(p (1 − p) + ε))})",
    assumes=f"{_FIELD}, large group_size; reverse_kl = β, and steps until nothing changes in each generation",
    source="Mroueh 2025 (2503.06639)",
)
def verified_fixed_point(*, correct_mass: float, reverse_kl: float, eps: float = 0.0) -> float:
    """The probability of the correct answers at which whitened rewards and the penalty are in balance.

    Args:
        correct_mass: p_ref, that of p0.
        reverse_kl: β > 0.
        eps: ε ≥ 0, added to the variance of the rewards.

    Raises:
        ValueError: an argument is out of its range.
    """
    from scipy import optimize  # which takes long to import

    odds = special.logit(arguments.share("correct_mass", correct_mass, above_zero=True))
    beta, least = arguments.positive("reverse_kl", reverse_kl), arguments.nonnegative("eps", eps)

    def excess(x: float) -> float:  # of ln p/(1 − p); 1/√(p (1 − p)) is 2 cosh x/2
        return float(odds + 1 / np.sqrt(0.25 / np.cosh(x / 2) ** 2 + least) / beta - x)

    low, high = float(odds), float(2 * np.arcsinh(beta))  # between which it only falls
    if low >= high or excess(high) > 0:  # what is above needs ε
        if least == 0:
            return 1.0
        low, high = max(low, high), float(odds + 1 / np.sqrt(least) / beta)
    return float(special.expit(optimize.brentq(excess, low, high, xtol=1e-12))) if high < np.inf else 1.0


def _answers(p0: ArrayLike, correct: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, right = arguments.distribution("p0", p0), np.asarray(correct) > 0
    if right.shape != p.shape:
        arguments.refuse("correct", f"{right.size} of them", f"one for each of the {p.size} tokens")
    return p, right


def _pull(p: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The direction of the mean step: p times how much better than the mean a token is."""
    good = p[right].sum()
    return p * np.where(right, 1 - good, -good)


def _integrated(
    speed: Callable[[float, np.ndarray], np.ndarray], p: np.ndarray, begin: float, times: np.ndarray
) -> np.ndarray:
    """The model at these times, from p at the first; `speed` is that of its logits."""
    from scipy import integrate  # which takes long to import

    wanted = np.unique(np.append(times.ravel(), begin))
    ends, logits = (begin, max(wanted[-1], begin + 1e-9)), np.log(np.where(p > 0, p, 1e-300))
    found = integrate.solve_ivp(speed, ends, logits, t_eval=wanted, rtol=1e-9, atol=1e-12)
    model: np.ndarray = special.softmax(found.y.T[np.searchsorted(wanted, times)], axis=-1)
    return model
