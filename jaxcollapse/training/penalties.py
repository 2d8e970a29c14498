"""What may be added to the cross-entropy of a gradient step, so that a model keeps what it could say.

Each is a function (logits, start, weight) of a table of logits, of the logits of p0, and of a number; it gives the
gradient of one term of the loss in each row. Terms are means over the tokens of a minibatch, so that a row counts as
often as traces of the minibatch visit it. KL(p0 ‖ p) is a mean over the tokens of traces of p0 and pulls on every row
that they visit, also where the model no longer goes.
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.training.gradient import softmax_difference

Table = Float[Array, "context token"]
Weight = Float[Array, ""]


def entropy_bonus(logits: Table, start: Table, weight: Weight) -> Table:
    """Of −weight · S(p): weight · p (ln p + S)."""
    p, log_p = jax.nn.softmax(logits, axis=-1), _finite(jax.nn.log_softmax(logits, axis=-1))
    least = jnp.min(jnp.where(logits > -jnp.inf, logits, jnp.inf), axis=-1, keepdims=True)
    is_uniform = jnp.max(logits, axis=-1, keepdims=True) == least  # then it is zero but for rounding
    return jnp.where(is_uniform, 0, weight * p * (log_p - jnp.sum(p * log_p, axis=-1, keepdims=True)))


def forward_kl(logits: Table, start: Table, weight: Weight) -> Table:
    """Of weight · KL(p0 ‖ p): weight · (p − p0)."""
    return weight * softmax_difference(logits, start)


def reverse_kl(logits: Table, start: Table, weight: Weight) -> Table:
    """Of weight · KL(p ‖ p0): weight · p (ln(p/p0) − KL(p ‖ p0))."""
    p = jax.nn.softmax(logits, axis=-1)
    ratio = _finite(jax.nn.log_softmax(logits, axis=-1)) - _finite(jax.nn.log_softmax(start, axis=-1))
    same = jnp.all(logits == start, axis=-1, keepdims=True)
    return jnp.where(same, 0, weight * p * (ratio - jnp.sum(p * ratio, axis=-1, keepdims=True)))


OF_ORIGINAL_TRACES = ("forward_kl",)  # whose rows count as often as traces of p0 visit them
PENALTIES: dict[str, Callable[[Table, Table, Weight], Table]] = {
    "entropy_bonus": entropy_bonus,
    "forward_kl": forward_kl,
    "reverse_kl": reverse_kl,
}


def penalised(
    gradient: Table,
    logits: Table,
    start: Table,
    shares: Float[Array, " context"],
    original: Float[Array, " context"],
    settings: Mapping[str, Weight],
    used: Sequence[str],
) -> Table:
    """The gradient of the whole loss, from that of the cross-entropy.

    shares, original: of each row among the tokens of the minibatch, and of p0's traces. Label smoothing ε mixes the
    targets with the uniform distribution u over the tokens that p0 has: it takes p − p̂ to (1 − ε)(p − p̂) + ε (p − u).
    """
    weight, of_original = (each[:, jnp.newaxis] if len(logits) > 1 else 1.0 for each in (shares, original))
    if "label_smoothing" in used:
        share = settings["label_smoothing"]
        possible = (start > -jnp.inf).astype(logits.dtype)
        uniform = possible / jnp.sum(possible, axis=-1, keepdims=True)
        gradient = (1 - share) * gradient + share * weight * (jax.nn.softmax(logits, axis=-1) - uniform)
    for name, penalty in PENALTIES.items():
        if name in used:
            of_rows = of_original if name in OF_ORIGINAL_TRACES else weight
            gradient = gradient + of_rows * penalty(logits, start, settings[name])
    return gradient


def _finite(log_p: Table) -> Table:
    """ln p, with zero where p is: such tokens have no part in any sum."""
    return jnp.where(log_p > -jnp.inf, log_p, 0)
