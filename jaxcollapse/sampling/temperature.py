"""Sampling at a temperature: τ_T(p)_i = p_i^{1/T} / Σ_j p_j^{1/T}, in logits."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def temper(logits: Float[Array, "*context token"], temperature: Float[Array, ""]) -> Float[Array, "*context token"]:
    """Logits of softmax(logits / T), shifted so that the largest logit stays where it is.

    T = 1 returns the same bits. T = 0 is the argmax, ties sharing the mass equally; T = ∞ is uniform over the tokens
    of finite logit. A token of logit −∞ keeps it at every temperature.
    """
    peak = jnp.max(logits, axis=-1, keepdims=True)
    below = logits - peak
    cooled = logits + (1 / temperature - 1) * below
    cooled = jnp.where(below == 0, peak, cooled)
    cooled = jnp.where(jnp.isinf(temperature), peak, cooled)
    return jnp.where(jnp.isneginf(logits), -jnp.inf, cooled)
