"""Exact multinomial counts of any number of draws and tokens.

There are two ways, and `fewest_split` says which one is cheaper:

- *single draws* walk the tree of partial sums from its root to a leaf: O(log V) a draw;
- *splitting* walks the tree once with all draws: at each node they fall on its two children by a binomial count, V − 1
  of them, so that the cost does not depend on the number of draws.

The total is exactly the number of draws asked for, and a token of weight zero is never drawn. On CPUs native code does
both (`jaxcollapse.native`). In JAX, single draws are made in blocks, so that the number of draws is data.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32, UInt32

from jaxcollapse.native import count
from jaxcollapse.sampling import bits, tree
from jaxcollapse.sampling.binomial import binomial

_AT_ONCE = {"cpu": 2**12, "gpu": 2**20, "tpu": 2**20}  # what fits in a cache; what keeps a device busy


@dataclass(frozen=True)
class Method:
    """How counts are drawn: the static part of a sampler.

    Counts depend on neither `block` nor `at_once`.

    Attributes:
        native: whether native code draws them, which chooses between the two ways for each trajectory.
        block: otherwise, number of single draws made at once; 0 if all draws are split at once.
        always_splits: whether draws are split even if there are few, since their number is itself random.
        at_once: number of nodes × lanes that JAX splits at once.
    """

    native: bool
    block: int = 0
    always_splits: bool = False
    at_once: int = _AT_ONCE["cpu"]

    @property
    def splits(self) -> bool:
        """Whether all draws are split at once."""
        return not self.native and self.block == 0

    def blocks(self, draws: int) -> int:
        """How many blocks of single draws `draws` draws need."""
        return math.ceil(draws / self.block) if self.block else 0


def split_at_once(platform: str) -> int:
    """Nodes × lanes that are best split at once."""
    return _AT_ONCE.get(platform, _AT_ONCE["gpu"])


# The cost model. Measured on two x86-64 cores, ns on one of them (`python -m benchmarks sampling`).


@dataclass(frozen=True)
class Costs:
    """Seconds that draws take.

    Attributes:
        walk: seconds of a single draw, apart from its levels.
        level: seconds of each level of a single draw.
        split: seconds of a binomial count.
    """

    walk: float
    level: float
    split: float

    def single_draw(self, tokens: int) -> float:
        """What a single draw costs on one core."""
        return self.walk + self.level * math.log2(max(tokens, 2))

    def splitting(self, tokens: int) -> float:
        """What any number of draws costs on one core, if they are split; fewer than tokens cost less."""
        return self.split * (tokens - 1)


NATIVE = Costs(walk=3.5e-9, level=1.0e-9, split=2.2e-9)
PORTABLE = Costs(walk=4e-9, level=2.0e-9, split=18e-9)


def fewest_split(tokens: int) -> int:
    """The number of draws from which on they are split, where native code is as fast either way.

    It is the vocabulary's alone, and the same on all platforms: counts depend on it.
    """
    return 2 + math.floor(NATIVE.splitting(tokens) / NATIVE.single_draw(tokens))


def multinomial(
    key: bits.Key, weights: Float[Array, " token"], draws: Int32[Array, ""], how: Method, blocks: Int32[Array, ""]
) -> Int32[Array, " token"]:
    """Counts of `draws` draws with probabilities proportional to `weights`.

    `blocks` is at least `how.blocks(draws)`; it is apart from `draws` so that one number serves a whole batch.
    """
    if how.native:
        apart, fewest = tree.columns(len(weights)) == 1, 1 if how.always_splits else fewest_split(len(weights))
        return count(key, weights, draws, fewest_split=fewest, apart=apart)
    if how.splits:
        return _split(how.at_once)(key, weights, draws)
    tokens, sums = len(weights), tree.build(weights)

    def block(index: jax.Array, counts: jax.Array) -> jax.Array:
        number = index * how.block + jnp.arange(how.block, dtype=jnp.int32)
        token, live = tree.draw(key, sums, tokens, number.astype(jnp.uint32)), number < draws
        return counts.at[token].add(live.astype(jnp.int32), mode="promise_in_bounds")

    return jax.lax.fori_loop(0, blocks, block, jnp.zeros(tokens, jnp.int32))


@cache
def _split(at_once: int) -> Callable[[bits.Key, Array, Array], Array]:
    """`_split_lanes` as a function of one trajectory, which sees all lanes when it is mapped over them."""

    @jax.custom_batching.custom_vmap
    def split(key: bits.Key, weights: Float[Array, " token"], draws: Int32[Array, ""]) -> Int32[Array, " token"]:
        return _split_lanes(key[:, None], weights[:, None], draws[None], at_once=at_once)[:, 0]

    @split.def_vmap
    def mapped(axis_size: int, in_batched: Sequence[bool], *operands: Array) -> tuple[Array, bool]:
        lanes = (
            jnp.moveaxis(operand, 0, -1)
            if is_batched
            else jnp.broadcast_to(operand[..., None], (*operand.shape, axis_size))
            for operand, is_batched in zip(operands, in_batched, strict=True)
        )
        return jnp.moveaxis(_split_lanes(*lanes, at_once=at_once), -1, 0), True

    return split


@partial(jax.jit, static_argnames="at_once")
def _split_lanes(
    key: UInt32[Array, "2 lane"],
    weights: Float[Array, "token lane"],
    draws: Int32[Array, " lane"],
    *,
    at_once: int,
) -> Int32[Array, "token lane"]:
    """All draws of a lane walk the tree together. Lanes are the minor axis, so that small vocabularies are fast, too.

    Nodes are visited from the root down, `rows` of a level at once, all by the same code: one program, however many
    levels there are. `counts` holds the root, and then every node where the tree has it. What a visit writes beyond its
    level is written again by later ones. All is flat, so that a visit is one run of memory.
    """
    tokens, lanes = weights.shape
    if tokens == 1:
        return draws[None]
    sums = tree.build(weights)
    nodes = len(sums)
    rows = max(1, min(at_once // lanes, tokens // 4))
    size = rows * lanes
    visits = jnp.asarray(_visits(tokens, rows), jnp.int32)
    flat = jnp.concatenate([sums.reshape(-1), jnp.zeros(size, sums.dtype)])
    counts = jnp.concatenate([draws, jnp.zeros(nodes * lanes + size, jnp.int32)])
    keys = jnp.broadcast_to(key[:, None], (2, rows, lanes)).reshape(2, size)
    row = jnp.broadcast_to(jnp.arange(rows, dtype=jnp.int32)[:, None], (rows, lanes)).reshape(size)

    def visit(index: jax.Array, counts: jax.Array) -> jax.Array:
        depth, parents, children, half, first = visits[index]

        def read(array: jax.Array, start: jax.Array) -> jax.Array:
            return jax.lax.dynamic_slice_in_dim(array, (start + first) * lanes, size)

        here = jnp.where(row + first < half, read(counts, parents), 0)
        left, right = read(flat, children), read(flat, children + half)
        lighter, heavier = jnp.minimum(left, right), jnp.maximum(left, right)
        odds = jnp.where(heavier > 0, lighter / heavier, 0)
        is_lighter = left < right
        word, lower = tree.node_words(keys, jnp.full_like(row, depth), row + first, tokens)
        # What is above a uniform number for one child is below it for the other: so that nothing jumps where they tie.
        word, lower = jnp.where(is_lighter, word, ~word), jnp.where(is_lighter, lower, ~lower)
        # Barriers: LLVM's vectoriser follows every path from a value to its uses, and through both the rounds of a word
        # and the terms of a sum there are too many; and each of the two writes below would compute the counts anew.
        word, lower = jax.lax.optimization_barrier((word, lower))
        some = jax.lax.optimization_barrier(binomial(word, lower, here, odds))
        rest = here - some
        sides = jnp.where(is_lighter, some, rest), jnp.where(is_lighter, rest, some)
        for side, start in zip(sides, (1 + children, 1 + children + half), strict=True):
            counts = jax.lax.dynamic_update_slice_in_dim(counts, side, (start + first) * lanes, axis=0)
        return counts

    counts = jax.lax.fori_loop(0, len(visits), visit, counts)
    leaves = 1 + tree.layout(tokens)[-1][0]
    return counts[leaves * lanes : (leaves + tokens) * lanes].reshape(tokens, lanes)


def _visits(tokens: int, rows: int) -> list[tuple[int, int, int, int, int]]:
    """What each visit deals with: depth; where the parents are among the counts, and the level in the tree; half the
    level's length; the first parent.

    The last visit of a level overlaps the one before, if need be: the same nodes get the same counts again.
    """
    visits, parents = [], 0
    for depth, (children, half) in enumerate(tree.layout(tokens)):
        firsts = [min(first, max(half - rows, 0)) for first in range(0, half, rows)]
        visits += [(depth, parents, children, half, first) for first in firsts]
        parents = 1 + children
    return visits
