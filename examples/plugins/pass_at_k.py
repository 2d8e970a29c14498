"""An observable and an event: whether 16 samples still contain an answer that the original model found unlikely.

jaxcollapse run examples/plugins/pass_at_k.toml --plugin examples/plugins/pass_at_k.py
"""

import jax.numpy as jnp

import jaxcollapse as jc

SAMPLES = 16


@jc.observable(label="pass@16 of the rare half", possible=(0, 1))
def pass_at_16(now):
    """Mean over the tokens with p₀ below the median of the probability that 16 samples contain the token."""
    possible = now.start.p > 0
    order = jnp.argsort(jnp.argsort(jnp.where(possible, now.start.p, jnp.inf)))
    rare = possible & (order < jnp.sum(possible, dtype=order.dtype) // 2)
    found = -jnp.expm1(SAMPLES * jnp.log1p(-jnp.minimum(now.p, 1)))
    return jnp.sum(jnp.where(rare, found, 0)) / jnp.maximum(jnp.sum(rare, dtype=found.dtype), 1)


@jc.event(label="time when the rare half is out of reach")
def rare_half_lost(now):
    """First generation with pass@16 of the rare half below one hundredth."""
    return pass_at_16(now) < 0.01
