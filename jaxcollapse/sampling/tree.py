"""A binary tree of partial sums: draws of single tokens, exact however rare the token is.

Level by level the weights are summed in pairs, row `j` with row `j + half` and in the end column with column, so that
each node's sum keeps its own relative precision (a running sum would lose everything below 1e-7 of its total). A draw
walks from the root to a leaf; at each node fresh random bits are compared with the share of the *lighter* child, as
many as it takes to decide. The probability of a token is a product of log₂V such shares, each right to a few units in
the last place: tokens of probability 1e-9, or 1e-30, are as likely as they should be, and a token of weight zero is
never drawn.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32, Integer, Num, UInt32

from jaxcollapse.native import COLUMNS
from jaxcollapse.sampling import bits

_BITS = 16  # of a random number that mostly decides about a child; four of them come from one pair of words
_LOWER = 2**31  # set in the first word of a counter whose words are further bits


def columns(tokens: int) -> int:
    """In how many columns a vocabulary's tokens are laid out: a large one row by row, sixteen to a row, a small one in
    one column.
    """
    return 1 if tokens < 1024 else COLUMNS


def build(weights: Num[Array, "token *lane"]) -> Num[Array, "node *lane"]:
    """All levels of the tree below the root, from the top down.

    Works for floating-point weights (sums are rounded) and for integer counts (sums are exact).
    """
    levels = []
    for _, half in reversed(layout(len(weights))):
        missing = [(0, 2 * half - len(weights))] + [(0, 0)] * (weights.ndim - 1)
        levels.append(jnp.pad(weights, missing))
        # A barrier: else the sums of each level are computed from the leaves again.
        weights = jax.lax.optimization_barrier(levels[-1][:half] + levels[-1][half:])
    return jnp.concatenate(levels[::-1]) if levels else weights


def layout(tokens: int) -> list[tuple[int, int]]:
    """For each level below the root: where it starts in the tree, and half its length, which is that of its parents."""
    width = columns(tokens)
    rows, parents = -(-tokens // width), []
    while rows > 1:
        rows = (rows + 1) // 2
        parents.append(rows * width)
    while width > 1:
        width //= 2
        parents.append(width)
    parents.reverse()
    return [(2 * sum(parents[:depth]), number) for depth, number in enumerate(parents)]


def node_words(
    key: UInt32[Array, "2 ..."], depth: Integer[Array, "*node"], node: Int32[Array, "*node"], tokens: int
) -> tuple[UInt32[Array, "*node"], UInt32[Array, "*node"]]:
    """A random word for each of these nodes of a level, and a lower one. Nodes in adjacent rows share a pair."""
    width = columns(tokens)
    pair = (node // (2 * width) * width + node % width).astype(jnp.uint32)
    is_second = (node // width) % 2 == 1
    level = depth.astype(jnp.uint32)
    words = bits.threefry2x32(key, level, pair), bits.threefry2x32(key, level | jnp.uint32(_LOWER), pair)
    upper, lower = (jnp.where(is_second, second, first) for first, second in words)
    return upper, lower


def draw(
    key: UInt32[Array, "2 ..."],
    tree: Num[Array, " node"],
    tokens: int,
    number: UInt32[Array, " draw"],
    first: Int32[Array, "..."] | int = 0,
) -> Int32[Array, " draw"]:
    """Independent tokens, each with probability proportional to its weight.

    A draw depends on its key and its number alone. All have one key, or each its own; `first` is where the tree of each
    begins, if several are laid end to end.
    """
    node = jnp.zeros(number.shape, jnp.int32)
    if tokens == 1:
        return node
    starts, halves = np.array(layout(tokens), np.int32).T

    def level(depth: jax.Array, node: jax.Array) -> jax.Array:
        start, half = first + jnp.asarray(starts)[depth], jnp.asarray(halves)[depth]
        left = tree.at[start + node].get(mode="promise_in_bounds")
        right = tree.at[start + node + half].get(mode="promise_in_bounds")
        return jnp.where(_goes_right(key, depth, number, left, right), node + half, node)

    return jax.lax.fori_loop(0, len(halves), level, node)


def _goes_right(
    key: UInt32[Array, "2 ..."],
    depth: Integer[Array, ""],
    number: UInt32[Array, " draw"],
    left: Float[Array, " draw"],
    right: Float[Array, " draw"],
) -> Bool[Array, " draw"]:
    """Whether (16 random bits + a uniform number)/2¹⁶ is at or above the left child's share.

    The bits mostly decide, whatever the uniform number: code that prefers to branch need not draw it. Where the right
    child is the lighter one, its share is what all is compared with, from the other end.
    """
    whole, is_right = left + right, right < left
    step = jnp.full_like(number, depth)
    high, low = bits.threefry2x32(key, step // jnp.uint32(4), number)
    word = jnp.where(depth % 4 < 2, high, low)
    word = jnp.where(is_right, ~word, word)
    random = jnp.where(depth % 2 == 1, word >> jnp.uint32(_BITS), word & jnp.uint32(2**_BITS - 1))
    mark, bar = random.astype(whole.dtype) * whole, jnp.minimum(left, right) * 2.0**_BITS
    high, low = bits.threefry2x32(key, step | jnp.uint32(_LOWER), number)
    rest = bits.uniform(jnp.where(is_right, ~high, high), jnp.where(is_right, ~low, low), whole.dtype)
    goes_lighter = (mark + whole <= bar) | (mark + rest * whole < bar)
    return goes_lighter == is_right


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
