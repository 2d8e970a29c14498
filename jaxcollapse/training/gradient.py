"""Gradient steps on the mean cross-entropy of traces, for a table of logits."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def cross_entropy_gradient(
    logits: Float[Array, "context token"], frequencies: Float[Array, "context token"]
) -> Float[Array, "context token"]:
    """∂/∂z of −Σ frequencies · log softmax(z): each row is its share of the tokens times p, minus their frequencies.

    `frequencies` are counts over (context, token) divided by the number of tokens. One row: p − p̂.
    """
    if len(logits) == 1:  # of the same shape as the observables' softmax, so that a compiler can share it
        return jax.nn.softmax(logits[0])[jnp.newaxis] - frequencies
    return jnp.sum(frequencies, axis=-1, keepdims=True) * jax.nn.softmax(logits, axis=-1) - frequencies


def expected_gradient(
    logits: Float[Array, "context token"],
    target: Float[Array, "context token"],
    shares: Float[Array, " context"],
) -> Float[Array, "context token"]:
    """The same for infinitely many traces, whose tokens are of the row softmax(`target`) with these shares.

    Exactly zero where `logits` and `target` are the same bits, whatever way the two softmaxes are compiled.
    """
    same = jnp.all(logits == target, axis=-1, keepdims=True)
    difference = jax.nn.softmax(logits, axis=-1) - jax.nn.softmax(target, axis=-1)
    if len(logits) > 1:
        difference = shares[:, jnp.newaxis] * difference
    return jnp.where(same, 0, difference)
