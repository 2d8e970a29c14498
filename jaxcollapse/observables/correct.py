"""What is left of the correct answers: how likely they are together, and how many of them there are.

A correct set is fixed at generation 0; it is that of the fields `correct`, `correct_share` and `correct_tokens`,
whether or not the process has a verifier.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcollapse.observables.possible import entropy_of_tokens, share
from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Snapshot
from jaxcollapse.walks.persona import Persona

Scalar = Float[Array, ""]
Rows = Float[Array, " context"]


@observable("probability of the correct", "1", "correct", default=False, possible=share)
def accuracy(now: Snapshot) -> Scalar:
    """Probability that a trace is correct, at temperature 1; a mean over prompts, if there are any."""
    return over_prompts(*_solved(now))


@observable(
    "probability of the correct, by persona",
    "1",
    "correct",
    default=False,
    models=("persona",),
    dim="persona",
    possible=share,
)
def persona_accuracy(now: Snapshot) -> Float[Array, " persona"]:
    """Probability that a trace of this persona, or prompt, is correct, at temperature 1."""
    assert isinstance(now.walk, Persona)
    return now.walk.solved_by_each(now.table, _correct(now), now.correct_trace, now.numbers)


@observable("probability of a correct one among k", "1", "correct", default=False, dim="k", possible=share)
def pass_at_k(now: Snapshot) -> Float[Array, " attempt"]:
    """Probability that one of k traces of a prompt, or of the model, is correct: 1 − E (1 − accuracy of a prompt)^k."""
    prompts, solved = _solved(now)
    fails = jnp.log1p(-jnp.minimum(solved, 1))
    return jax.vmap(lambda k: over_prompts(prompts, -jnp.expm1(k * fails)))(jnp.asarray(now.attempts, solved.dtype))


@observable("entropy of the correct", "nat", "correct", default=False, possible=entropy_of_tokens)
def correct_entropy(now: Snapshot) -> Scalar:
    """Shannon entropy −Σ y ln y of the shares y of the correct tokens among each other; 0 if none is left."""
    p = _correct_p(now)
    total = jnp.sum(p, axis=-1, keepdims=True)
    y = p / jnp.where(total > 0, total, 1)
    return _mean(now, -jnp.sum(jnp.where(y > 0, y * jnp.log(jnp.where(y > 0, y, 1)), 0), axis=-1))


@observable("number of correct tokens", "1", "correct", default=False)
def correct_support(now: Snapshot) -> Scalar:
    """Number of correct tokens that are more likely than support_threshold; a mean over rows."""
    number = jnp.sum(_correct_p(now) > now.thresholds.support, axis=-1, dtype=jnp.int32)
    return _mean(now, number.astype(now.table.dtype))


@observable("lost probability of the correct", "1", "correct", default=False, possible=share)
def lost_correct_mass(now: Snapshot) -> Scalar:
    """Share of p0's correct tokens, by their probability, whose probability now is at most support_threshold."""
    start = jnp.where(_correct(now), jnp.exp(now.log_start), 0)
    is_lost = (start > now.thresholds.support) & (jnp.exp(now.log_rows) <= now.thresholds.support)
    total = jnp.sum(start, axis=-1)
    return _mean(now, jnp.sum(jnp.where(is_lost, start, 0), axis=-1) / jnp.where(total > 0, total, 1))


@observable("lost probability of p0", "1", "correct", default=False, possible=share)
def lost_mass(now: Snapshot) -> Scalar:
    """Probability in p0 of the tokens above support_threshold there whose probability now is at most that."""
    is_lost = now.start.present & (now.p <= now.thresholds.support)
    return jnp.sum(jnp.where(is_lost, now.start.p, 0))


def _correct(now: Snapshot) -> Bool[Array, "context token"]:
    assert now.start.correct is not None
    return now.start.correct


def _correct_p(now: Snapshot) -> Float[Array, "context token"]:
    """Probabilities of the correct tokens of each row; 0 for all others."""
    return jnp.where(_correct(now), jnp.exp(now.log_rows), 0)


def _solved(now: Snapshot) -> tuple[Rows, Rows]:
    """The weight of each prompt, and the probability that a trace of it is correct; without prompts there is one."""
    return now.walk.solved(now.table, _correct(now), now.correct_trace, now.numbers)


def over_prompts(weights: Rows, values: Rows) -> Scalar:
    """A mean over prompts, each with its weight."""
    return jnp.sum(jnp.where(weights > 0, weights * values, 0)) / jnp.maximum(jnp.sum(weights), 1e-37)


def _is_text(now: Snapshot) -> Bool[Array, " context"]:
    return jnp.asarray(now.walk.is_text())


def _mean(now: Snapshot, values: Rows) -> Scalar:
    """Over the rows of tokens, each with its share of the tokens of traces."""
    return over_prompts(jnp.where(_is_text(now), now.visits, 0), values)
