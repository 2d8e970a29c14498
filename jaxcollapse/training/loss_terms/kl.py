"""Divergences between the model and the original one, which hold it near to where it came from.

Both are means over tokens, so that a row counts as often as traces visit it: those of the minibatch, or for KL(p0 ‖ p)
those of p0, so that it pulls on every row that they visit, also where the model no longer goes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.parts.field import Field
from jaxcollapse.training.batch import Batch, Table, finite
from jaxcollapse.training.gradient import softmax_difference
from jaxcollapse.training.loss_terms import LOSS_TERMS, rows


def _weight(name: str, divergence: str, tokens: str, label: str) -> Field:
    return Field(
        name=name,
        type=float,
        default=0.0,
        description=f"Gradient: weight of {divergence} in the loss; with several rows, the mean over the tokens "
        f"of {tokens}.",
        label=label,
        limits={"ge": 0, "allow_inf_nan": False},
        kind="number",
        is_switch=True,
    )


@LOSS_TERMS.adds(_weight("forward_kl", "KL(p0 ‖ p)", "p0's traces", "weight of the forward divergence from p0"), skip=2)
def forward_kl(gradient: Table, batch: Batch, forward_kl: Float[Array, ""]) -> Table:
    """weight · KL(p0 ‖ p), whose gradient is weight · (p − p0)."""
    return gradient + rows(batch, batch.original_shares) * forward_of_rows(batch.logits, batch.original, forward_kl)


@LOSS_TERMS.adds(_weight("reverse_kl", "KL(p ‖ p0)", "a batch", "weight of the reverse divergence from p0"), skip=2)
def reverse_kl(gradient: Table, batch: Batch, reverse_kl: Float[Array, ""]) -> Table:
    """weight · KL(p ‖ p0), whose gradient is weight · p (ln(p/p0) − KL(p ‖ p0))."""
    return gradient + rows(batch, batch.shares) * reverse_of_rows(batch.logits, batch.original, reverse_kl)


def forward_of_rows(logits: Table, original: Table, weight: Float[Array, ""]) -> Table:
    """The gradient in each row, as if there were no other."""
    return weight * softmax_difference(logits, original)


def reverse_of_rows(logits: Table, original: Table, weight: Float[Array, ""]) -> Table:
    """The gradient in each row, as if there were no other; exactly zero where the model is the original one."""
    p = jax.nn.softmax(logits, axis=-1)
    ratio = finite(jax.nn.log_softmax(logits, axis=-1)) - finite(jax.nn.log_softmax(original, axis=-1))
    same = jnp.all(logits == original, axis=-1, keepdims=True)
    return jnp.where(same, 0, weight * p * (ratio - jnp.sum(p * ratio, axis=-1, keepdims=True)))
