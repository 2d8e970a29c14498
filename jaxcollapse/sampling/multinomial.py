"""Exact multinomial counts, whatever the number of draws and tokens.

Two ways, chosen by `method` from the two sizes alone:

- *single draws* through the tree of partial sums: O(log V) a draw, in blocks, so that the number of draws is data;
- *Poisson rounds*, whose cost hardly depends on the number of draws. Given their total M, independent Poisson counts
  with means λp are a multinomial of M draws, whatever the law of M. So a round draws them with λ a little below the
  number of draws still missing, keeps them if M does not overshoot, and leaves about 3√missing draws to the next
  round; the last few are drawn singly. Overshooting (one round in a thousand) only costs another round.

The total is exactly the number of draws asked for, and a token of weight zero is never drawn.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.sampling import bits, tree, variates

_MARGIN = 3.0  # standard deviations by which a Poisson round aims low
_BLOCK = 64  # single draws made at once, at least, where there are many


@dataclass(frozen=True)
class Method:
    """How counts are drawn: the static part of a sampler.

    block: single draws made at once. rounds: whether Poisson rounds come first.
    """

    block: int
    rounds: bool

    def blocks(self, draws: int) -> int:
        """How many blocks `draws` draws need (one after Poisson rounds)."""
        return 1 if self.rounds else math.ceil(draws / self.block)


def method(tokens: int, draws: int) -> Method:
    """The cheaper way to make `draws` draws from `tokens` tokens.

    Blocks are of 1, 16, 64, 256, … draws up to a quarter of the tokens: few programs, and little is drawn in vain.
    Measured on two x86-64 cores: a single draw costs about 4 + 2 log₂V ns on one core, the rounds about 100 V ns and
    a last block.
    """
    single = 4 + 2 * math.log2(max(tokens, 2))
    if draws * single > 200 * tokens + _BLOCK * single:
        return Method(_BLOCK, rounds=True)
    if draws == 1:
        return Method(1, rounds=False)
    block = 16
    while block < draws and (block < _BLOCK or block * 16 <= tokens):
        block *= 4
    return Method(block, rounds=False)


class Urn(NamedTuple):
    """What is drawn from: weights, not necessarily normalised, and the tree of their partial sums."""

    weights: Float[Array, " token"]
    tree: Float[Array, " node"]


def fill(weights: Float[Array, " token"]) -> Urn:
    """An urn to draw from with probabilities proportional to `weights`."""
    return Urn(weights, tree.build(weights))


def multinomial(
    key: bits.Key, urn: Urn, draws: Int32[Array, ""], how: Method, blocks: Int32[Array, ""]
) -> Int32[Array, " token"]:
    """Counts of `draws` draws from the urn.

    `blocks` is at least `how.blocks(draws)`; it is apart from `draws` so that one number serves a whole batch.
    """
    tokens = urn.weights.shape[0]
    counts, missing = jnp.zeros(tokens, jnp.int32), draws
    if how.rounds:
        counts, missing = _poisson_rounds(bits.fold_in(key, 0), urn.weights, draws, how.block)
    single_key = bits.fold_in(key, 1)

    def block(index: jax.Array, counts: jax.Array) -> jax.Array:
        token = tree.draw(bits.fold_in(single_key, index), urn.tree, tokens, how.block)
        live = index * how.block + jnp.arange(how.block, dtype=jnp.int32) < missing
        return counts.at[token].add(live.astype(jnp.int32), mode="promise_in_bounds")

    return jax.lax.fori_loop(jnp.int32(0), blocks, block, counts)


def _poisson_rounds(
    key: bits.Key, weights: Float[Array, " token"], draws: Int32[Array, ""], enough: int
) -> tuple[Int32[Array, " token"], Int32[Array, ""]]:
    probabilities = weights / jnp.sum(weights)

    def draw_round(state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        attempt, missing, counts = state
        wanted = missing.astype(weights.dtype)
        mean = jnp.maximum(wanted - _MARGIN * jnp.sqrt(wanted), 0)
        drawn = variates.poisson(bits.fold_in(key, attempt), mean * probabilities)
        # Compared without forming a sum that could pass 2³¹: a float total decides, an exact one is subtracted.
        total = jnp.sum(drawn, dtype=jnp.int32)
        fits = (jnp.sum(drawn.astype(weights.dtype)) < 2.0**31 - 2.0**10) & (total <= missing)
        return attempt + 1, jnp.where(fits, missing - total, missing), jnp.where(fits, counts + drawn, counts)

    start = (jnp.uint32(0), draws, jnp.zeros(weights.shape, jnp.int32))
    _, missing, counts = jax.lax.while_loop(lambda state: state[1] > enough, draw_round, start)
    return counts, missing
