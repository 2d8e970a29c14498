"""Minibatches without replacement: exact multivariate hypergeometric counts.

Given their total M, independent binomial thinnings of the counts with one probability are a uniformly random subset of
M items, whatever the law of M. So a round thins with a probability a little below what is missing, keeps the result if
M does not overshoot, and the last items are drawn one by one as positions in what remains, repeats thrown away.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int32, UInt32

from jaxcollapse.sampling import bits, tree
from jaxcollapse.sampling.binomial import binomial

_MARGIN = 3.0
_BLOCK = 64

Counts = Int32[Array, " token"]


def subset(key: bits.Key, counts: Counts, size: Int32[Array, ""], dtype: jax.typing.DTypeLike) -> Counts:
    """Counts of a uniformly random subset of `size` of the counted items (`size` ≤ their total < 2³¹)."""
    total = jnp.sum(counts, dtype=jnp.int32)
    leave_out = size > total // 2
    wanted = jnp.where(leave_out, total - size, size)
    taken, missing = _thinning_rounds(bits.fold_in(key, 0), counts, wanted, dtype)
    taken = _single_items(bits.fold_in(key, 1), counts, taken, missing)
    return jnp.where(leave_out, counts - taken, taken)


def _thinning_rounds(
    key: bits.Key, counts: Counts, wanted: Int32[Array, ""], dtype: jax.typing.DTypeLike
) -> tuple[Counts, Int32[Array, ""]]:
    def draw_round(state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        attempt, missing, taken = state
        left = counts - taken
        size, total = missing.astype(dtype), jnp.sum(left, dtype=jnp.int32).astype(dtype)
        mean = jnp.maximum(size - _MARGIN * jnp.sqrt(size * (1 - size / total)), 0)
        odds = jnp.full(counts.shape, jnp.minimum(mean / (total - mean), 1))
        drawn = binomial(*bits.words(bits.fold_in(key, attempt), len(counts)), left, odds)
        number = jnp.sum(drawn, dtype=jnp.int32)
        fits = number <= missing
        return attempt + 1, jnp.where(fits, missing - number, missing), jnp.where(fits, taken + drawn, taken)

    start = (jnp.uint32(0), wanted, jnp.zeros_like(counts))
    _, missing, taken = jax.lax.while_loop(lambda state: state[1] > _BLOCK, draw_round, start)
    return taken, missing


def _single_items(key: bits.Key, counts: Counts, taken: Counts, missing: Int32[Array, ""]) -> Counts:
    tokens = counts.shape[0]

    def draw_block(state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        attempt, missing, taken = state
        left = counts - taken
        high, low = bits.words(bits.fold_in(key, attempt), _BLOCK)
        position = _below(high, low, jnp.sum(left, dtype=jnp.int32))
        is_repeat = jnp.any(jnp.tril(position[:, None] == position[None, :], -1), axis=1)
        rank = jnp.cumsum(~is_repeat, dtype=jnp.int32)
        live = ~is_repeat & (rank <= missing)
        token = tree.locate(tree.build(left), tokens, position)
        taken = taken.at[token].add(live.astype(jnp.int32), mode="promise_in_bounds")
        return attempt + 1, missing - jnp.sum(live, dtype=jnp.int32), taken

    return jax.lax.while_loop(lambda state: state[1] > 0, draw_block, (jnp.uint32(0), missing, taken))[2]


def _below(high: UInt32[Array, " n"], low: UInt32[Array, " n"], limit: Int32[Array, ""]) -> Int32[Array, " n"]:
    """⌊(64 random bits) · limit / 2⁶⁴⌋, in 32-bit arithmetic."""

    def high_product(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
        mask, half = jnp.uint32(0xFFFF), jnp.uint32(16)
        a0, a1, b0, b1 = a & mask, a >> half, b & mask, b >> half
        middle = a1 * b0 + ((a0 * b0) >> half)
        other = a0 * b1 + (middle & mask)
        return a1 * b1 + (middle >> half) + (other >> half), a * b

    bound = limit.astype(jnp.uint32)
    top, bottom = high_product(high, bound)
    carry, _ = high_product(low, bound)
    return (top + (bottom + carry < bottom).astype(jnp.uint32)).astype(jnp.int32)
