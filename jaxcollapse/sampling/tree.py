"""A binary tree of partial sums: draws of single tokens, exact however rare the token is.

Level by level the weights are summed in pairs, token `j` with token `j + half`, so that each node's sum keeps its own
relative precision (a running sum would lose everything below 1e-7 of its total). A draw walks from the root to a leaf;
at each node a fresh uniform number is compared with the share of the *lighter* child. The probability of a token is a
product of log₂V such shares, each right to a few units in the last place: tokens of probability 1e-9, or 1e-30, are
as likely as they should be, and a token of weight zero is never drawn.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, Num, UInt32

from jaxcollapse.sampling import bits


def build(weights: Num[Array, "token *lane"]) -> Num[Array, "node *lane"]:
    """All levels of the tree below the root, from the top down, each padded with zero to an even length.

    Works for floating-point weights (sums are rounded) and for integer counts (sums are exact).
    """
    levels = [weights]
    while (size := levels[-1].shape[0]) > 1:
        if size % 2:
            levels[-1] = jnp.concatenate([levels[-1], jnp.zeros_like(levels[-1][:1])])
        half = (size + 1) // 2
        levels.append(levels[-1][:half] + levels[-1][half:])
    return jnp.concatenate(levels[-2::-1]) if len(levels) > 1 else weights


def layout(tokens: int) -> list[tuple[int, int]]:
    """For each level below the root: where it starts in the tree, and half its length, which is that of its parents."""
    parents = []
    while tokens > 1:
        tokens = (tokens + 1) // 2
        parents.append(tokens)
    parents.reverse()
    return [(2 * sum(parents[:depth]), number) for depth, number in enumerate(parents)]


def draw(
    key: bits.Key, tree: Num[Array, " node"], tokens: int, number: UInt32[Array, " draw"]
) -> Int32[Array, " draw"]:
    """Independent tokens, each with probability proportional to its weight. A draw depends on its number alone."""
    node = jnp.zeros(number.shape, jnp.int32)
    if tokens == 1:
        return node
    starts, halves = np.array(layout(tokens), np.int32).T

    def level(depth: jax.Array, node: jax.Array) -> jax.Array:
        start, half = jnp.asarray(starts)[depth], jnp.asarray(halves)[depth]
        high, low = bits.threefry2x32(key, jnp.full_like(number, depth), number)
        left = tree.at[start + node].get(mode="promise_in_bounds")
        right = tree.at[start + node + half].get(mode="promise_in_bounds")
        mark = bits.uniform(high, low, tree.dtype) * (left + right)
        go_right = jnp.where(right < left, mark < right, mark >= left)
        return jnp.where(go_right, node + half, node)

    return jax.lax.fori_loop(0, len(halves), level, node)


def locate(tree: Int32[Array, " node"], tokens: int, position: Int32[Array, " draw"]) -> Int32[Array, " draw"]:
    """The tokens of the items at `position`, when a corpus of counted items is laid out in the tree's order."""
    if tokens == 1:
        return jnp.zeros_like(position)
    starts, halves = np.array(layout(tokens), np.int32).T

    def level(depth: jax.Array, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        node, position = state
        half = jnp.asarray(halves)[depth]
        left = tree.at[jnp.asarray(starts)[depth] + node].get(mode="promise_in_bounds")
        go_right = position >= left
        return jnp.where(go_right, node + half, node), jnp.where(go_right, position - left, position)

    return jax.lax.fori_loop(0, len(starts), level, (jnp.zeros_like(position), position))[0]
