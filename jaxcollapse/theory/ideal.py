"""The ideal limit: infinitely many samples, so that nothing is random."""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from jaxcollapse.theory import arguments
from jaxcollapse.theory.registry import oracle
from jaxcollapse.theory.tempering import tempered
from jaxcollapse.theory.truncation import truncated


@oracle(
    "p_g = τ_{T^g}(p0) ∝ p0^{T^−g}: log-odds × 1/T in each generation",
    assumes="refit, samples = inf, corpus = 'replace'",
    source="by induction from the definition of τ_T",
)
def tempered_refit(
    p0: ArrayLike, *, temperature: float = 1.0, generations: ArrayLike
) -> Float[np.ndarray, "*generation token"]:
    """The model that is refitted to infinitely many of its own samples in each generation.

    Args:
        p0: probabilities [token].
        temperature: T ≥ 0, of sampling.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    p = arguments.distribution("p0", p0)
    reached = effective_temperature(temperature=temperature, generations=generations)
    return np.array([tempered(p, t) for t in reached.ravel()]).reshape(*reached.shape, p.size)


@oracle(
    "T_eff = T^g",
    assumes="refit, samples = inf, corpus = 'replace'",
    source="by induction from the definition of τ_T",
)
def effective_temperature(*, temperature: float, generations: ArrayLike) -> Float[np.ndarray, "*generation"]:
    """The temperature at which the original looks like the model; sampling at 1/T_eff recovers the original.

    Args:
        temperature: T ≥ 0, of sampling.
        generations: g, one or an array of them.

    Raises:
        ValueError: an argument is out of its range.
    """
    g = arguments.times("generations", generations)
    with np.errstate(over="ignore"):
        return np.asarray(arguments.temperature(temperature) ** g.astype(np.float64))


@oracle(
    "p ← (1 − a) p + a [(1 − m) truncate(τ_T(p)) + m p0]",
    assumes="refit, samples = inf, corpus = 'replace'; real data drawn from p0 itself in every generation",
    source="the definition of the process (docs/process.md)",
)
def ideal_refit(
    p0: ArrayLike,
    *,
    generations: ArrayLike,
    temperature: float = 1.0,
    top_k: float = math.inf,
    top_p: float = 1.0,
    min_p: float = 0.0,
    fresh_fraction: float = 0.0,
    mixing: float = 1.0,
    start: ArrayLike | None = None,
) -> Float[np.ndarray, "*generation token"]:
    """The model that is refitted to infinitely many samples, with truncation, real data and partial refits.

    Args:
        p0: probabilities [token]; real data are from it.
        generations: g, one or an array of them.
        temperature: T ≥ 0, of sampling.
        top_k: number of the most likely tokens sampled from.
        top_p: probability of the most likely tokens sampled from.
        min_p: least probability sampled from, as a share of the greatest.
        fresh_fraction: share m of real data.
        mixing: a, the weight of the fit.
        start: probabilities [token] of the model in generation 0, if they are not p0.

    Raises:
        ValueError: an argument is out of its range.
    """
    real, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    m, a = arguments.share("fresh_fraction", fresh_fraction), arguments.share("mixing", mixing)
    arguments.temperature(temperature)
    history = [real if start is None else arguments.distribution("start", start)]
    for _ in range(int(g.max(initial=0))):
        p = history[-1]
        sampled = truncated(tempered(p, temperature), top_k=top_k, top_p=top_p, min_p=min_p)
        history.append((1 - a) * p + a * ((1 - m) * sampled + m * real))
    return np.array(history)[g, ...]


@oracle(
    "z ← z − η (p − τ_T(p of the generation's start)), K times in each generation",
    assumes="gradient, optimizer = 'sgd', samples = inf, batch_size = inf, corpus = 'replace'",
    source="the gradient of the cross-entropy of a table of logits",
)
def ideal_descent(
    p0: ArrayLike, *, learning_rate: float, generations: ArrayLike, temperature: float = 1.0, steps: int = 1
) -> Float[np.ndarray, "*generation token"]:
    """The probabilities of a model trained by gradient descent on the exact expectation of its samples.

    Unlike a refit, this does not temper p0: the likely tokens go first.

    Args:
        p0: probabilities [token].
        learning_rate: η ≥ 0.
        generations: g, one or an array of them.
        temperature: T ≥ 0, of sampling.
        steps: K, in each generation.

    Raises:
        ValueError: an argument is out of its range.
    """
    p, g = arguments.distribution("p0", p0), arguments.times("generations", generations)
    rate = arguments.nonnegative("learning_rate", learning_rate)
    arguments.temperature(temperature)
    number = int(arguments.count("steps", steps, most=1e9))
    with np.errstate(divide="ignore"):
        z, history = np.log(p), [p]
    for _ in range(int(g.max(initial=0))):
        target = tempered(history[-1], temperature)
        for _ in range(number):
            z = z - rate * (special.softmax(z) - target)
        history.append(special.softmax(z))
    return np.array(history)[g, ...]
