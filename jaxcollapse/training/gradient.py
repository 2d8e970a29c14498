"""Gradient steps on the mean cross-entropy of traces, for a table of logits."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def cross_entropy_gradient(
    logits: Float[Array, "context token"], frequencies: Float[Array, "context token"], *, may_be_empty: bool = False
) -> Float[Array, "context token"]:
    """∂/∂z of −Σ frequencies · log softmax(z): each row is its share of the tokens times p, minus their frequencies.

    `frequencies` are counts over (context, token) divided by the number of tokens. One row: p − p̂; zero where there are
    no tokens, if that may be.
    """
    if (
        len(logits) == 1 and not may_be_empty
    ):  # of the same shape as the observables' softmax, so that a compiler can share it
        return jax.nn.softmax(logits[0])[jnp.newaxis] - frequencies
    return jnp.sum(frequencies, axis=-1, keepdims=True) * jax.nn.softmax(logits, axis=-1) - frequencies


def without_rounding(
    gradient: Float[Array, "context token"], frequencies: Float[Array, "context token"]
) -> Float[Array, "context token"]:
    """A gradient of the cross-entropy for optimisers that see its sign alone: zero where p is p̂.

    That is where they differ by less than a millionth, in single and in double precision; but for tokens of a frequency
    of 0 or 1, which p does not reach.
    """
    everything = jnp.sum(frequencies, axis=-1, keepdims=True)
    is_rounding = (jnp.abs(gradient) < 1e-6 * frequencies) & (frequencies < everything)
    return jnp.where(is_rounding, 0, gradient)


def expected_gradient(
    logits: Float[Array, "context token"],
    target: Float[Array, "context token"],
    shares: Float[Array, " context"],
) -> Float[Array, "context token"]:
    """The gradient of the cross entropy for infinitely many traces.

    The tokens of each row have the law softmax(`target`), and the row has this share of all tokens.
    """
    difference = softmax_difference(logits, target)
    return shares[:, jnp.newaxis] * difference if len(logits) > 1 else difference


def softmax_difference(
    logits: Float[Array, "context token"], other: Float[Array, "context token"]
) -> Float[Array, "context token"]:
    """softmax(`logits`) − softmax(`other`), row by row: exactly zero where both are the same bits, however the two
    softmaxes are compiled. Adam and sign-SGD would turn a rounding error into a step of full size.
    """
    same = jnp.all(logits == other, axis=-1, keepdims=True)
    return jnp.where(same, 0, jax.nn.softmax(logits, axis=-1) - jax.nn.softmax(other, axis=-1))
