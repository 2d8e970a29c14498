"""A term of the loss: tokens that the model is sure of do not count.

jaxcollapse run examples/plugins/confident.toml --plugin examples/plugins/confident.py
"""

import jax
import jax.numpy as jnp

import jaxcollapse as jc


@jc.loss_term
def confident(batch, sure_above: float = 1.0):
    """Takes tokens of at least this probability out of the cross-entropy. 1 switches it off."""
    is_sure = jax.lax.stop_gradient(batch.p) >= sure_above
    return jnp.sum(jnp.where(is_sure, batch.frequencies * batch.log_p, 0))
