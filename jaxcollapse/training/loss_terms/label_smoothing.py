"""Label smoothing: targets mixed with the uniform distribution over the tokens that p0 has."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Share
from jaxcollapse.training.batch import Batch, Table
from jaxcollapse.training.loss_terms import LOSS_TERMS, rows


@LOSS_TERMS.adds(
    Field(
        name="label_smoothing",
        type=Share,
        default=0.0,
        description="Gradient: share of the targets that is uniform over the tokens of p0, in the rows that a "
        "batch visits.",
        label="label smoothing",
        kind="number",
        is_switch=True,
    ),
    skip=2,
    changes_targets=True,
)
def label_smoothing(gradient: Table, batch: Batch, label_smoothing: Float[Array, ""]) -> Table:
    """ε takes p − p̂ to (1 − ε)(p − p̂) + ε (p − u)."""
    possible = (batch.original > -jnp.inf).astype(batch.logits.dtype)
    uniform = possible / jnp.sum(possible, axis=-1, keepdims=True)
    weight = rows(batch, batch.shares)
    away = jax.nn.softmax(batch.logits, axis=-1) - uniform
    return (1 - label_smoothing) * gradient + label_smoothing * weight * away
