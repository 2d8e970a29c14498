"""A bonus on entropy, which keeps a model from growing certain."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.parts.field import Field
from jaxcollapse.training.batch import Batch, Table, finite
from jaxcollapse.training.loss_terms import LOSS_TERMS, rows


@LOSS_TERMS.adds(
    Field(
        name="entropy_bonus",
        type=float,
        default=0.0,
        description="Gradient: weight of the entropy S(p), in nat, that is subtracted from the loss; with "
        "several rows, the mean over the tokens of a batch.",
        label="entropy bonus",
        limits={"ge": 0, "allow_inf_nan": False},
        kind="number",
        is_switch=True,
    ),
    skip=2,
)
def entropy_bonus(gradient: Table, batch: Batch, entropy_bonus: Float[Array, ""]) -> Table:
    """−weight · S(p), whose gradient is weight · p (ln p + S)."""
    return gradient + rows(batch, batch.shares) * of_rows(batch.logits, entropy_bonus)


def of_rows(logits: Table, weight: Float[Array, ""]) -> Table:
    """The gradient in each row, as if there were no other; zero in a uniform row, where all else is rounding."""
    p, log_p = jax.nn.softmax(logits, axis=-1), finite(jax.nn.log_softmax(logits, axis=-1))
    least = jnp.min(jnp.where(logits > -jnp.inf, logits, jnp.inf), axis=-1, keepdims=True)
    is_uniform = jnp.max(logits, axis=-1, keepdims=True) == least
    return jnp.where(is_uniform, 0, weight * p * (log_p - jnp.sum(p * log_p, axis=-1, keepdims=True)))
