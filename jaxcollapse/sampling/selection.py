"""The largest value above which enough weight lies: order statistics without a sort.

Floating-point numbers are mapped to unsigned integers of the same order, and the threshold is found bit by bit. Each
bit costs one pass over the values, which vectorises where a sort does not; ties are never split.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num, UInt


def ordered_bits(values: Float[Array, "*shape"]) -> UInt[Array, "*shape"]:
    """Unsigned integers that compare as `values` do (−∞ lowest; −0 and 0 equal)."""
    width = values.dtype.itemsize * 8
    unsigned = {32: jnp.uint32, 64: jnp.uint64}[width]
    raw = jax.lax.bitcast_convert_type(jnp.where(values == 0, jnp.zeros_like(values), values), unsigned)
    sign = unsigned(1 << (width - 1))
    return jnp.where(raw & sign, ~raw, raw | sign)


@jax.jit
def at_least(
    values: Float[Array, " token"], weights: Num[Array, " token"], target: Num[Array, ""]
) -> Bool[Array, " token"]:
    """Marks the tokens at or above the largest value v for which the weight of {values ≥ v} reaches `target`.

    Tokens that tie with v are all in. Where the whole weight is below `target`, every token is in.
    """
    order = ordered_bits(values)
    width = values.dtype.itemsize * 8

    def bit(index: jax.Array, threshold: jax.Array) -> jax.Array:
        candidate = threshold | (jnp.ones_like(threshold) << (width - 1 - index).astype(threshold.dtype))
        reached = jnp.sum(jnp.where(order >= candidate, weights, jnp.zeros_like(weights)), dtype=weights.dtype)
        return jnp.where(reached >= target, candidate, threshold)

    threshold = jax.lax.fori_loop(0, width, bit, jnp.zeros((), order.dtype))
    return order >= threshold
