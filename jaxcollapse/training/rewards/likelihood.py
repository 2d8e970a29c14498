"""How likely a token is: to the model that emits it, or to the original one."""

import jax
import jax.numpy as jnp

from jaxcollapse.training.rewards import REWARDS, Judged, Table

_RAREST = -103.0  # ln of a probability that is never drawn, the least float32; rarer tokens have its likelihood


@REWARDS.adds(skip=1)
def likelihood(judged: Judged) -> Table:
    """ln p of the current model."""
    return jnp.maximum(jax.nn.log_softmax(judged.logits, axis=-1), _RAREST)


@REWARDS.adds(skip=1, is_fixed=True)
def original_likelihood(judged: Judged) -> Table:
    """ln p0."""
    return jnp.maximum(jax.nn.log_softmax(judged.original, axis=-1), _RAREST)
