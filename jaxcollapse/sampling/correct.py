"""Correct sets: which tokens a verifier holds to be right answers."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcollapse.sampling import bits, truncation

Row = Float[Array, " token"]
Share = Float[Array, ""]
Set = Bool[Array, " token"]


def head(logits: Row, share: Share, key: bits.Key, listed: Row) -> Set:
    """The fewest most likely tokens that together have this probability."""
    return truncation.top_p(logits, share) > -jnp.inf


def tail(logits: Row, share: Share, key: bits.Key, listed: Row) -> Set:
    """All but the fewest most likely tokens that together have 1 − this probability."""
    rest = truncation.top_p(logits, jnp.where(share < 1, 1 - share, 1)) > -jnp.inf
    return (logits > -jnp.inf) & ((share >= 1) | ~rest)


def random(logits: Row, share: Share, key: bits.Key, listed: Row) -> Set:
    """A share of the possible tokens, rounded, and at least one of them: any so many, equally likely."""
    possible = logits > -jnp.inf
    number = jnp.round(share * jnp.sum(possible).astype(share.dtype)).astype(jnp.int32)
    upper, lower = bits.words(key, len(logits))
    order = jnp.lexsort((lower, upper, ~possible))  # a random order, in which what is impossible comes last
    place = jnp.zeros(len(logits), jnp.int32).at[order].set(jnp.arange(len(logits), dtype=jnp.int32))
    return possible & (place < jnp.maximum(number, 1))


def listed(logits: Row, share: Share, key: bits.Key, listed: Row) -> Set:
    """The tokens of a list."""
    return (logits > -jnp.inf) & (listed > 0)


CORRECT: dict[str, Callable[[Row, Share, bits.Key, Row], Set]] = {
    "head": head,
    "tail": tail,
    "random": random,
    "listed": listed,
    "file": listed,
}


@partial(jax.jit, static_argnames="kind")
def correct_set(
    kind: str, table: Float[Array, "context token"], share: Share, key: bits.Key, listed: Float[Array, "... token"]
) -> Bool[Array, "context token"]:
    """The correct tokens of each row, each row with random bits of its own.

    Args:
        kind: a name of `CORRECT`.
        table: logits of p0.
        share: size of the sets, if they have one.
        key: of random sets.
        listed: 1 for the tokens of lists, 0 for others: the same in all rows [token], or each row's own.
    """
    keys = jax.vmap(lambda row: bits.fold_in(key, row))(jnp.arange(len(table), dtype=jnp.uint32))
    own = 0 if listed.ndim > 1 else None
    return jax.vmap(CORRECT[kind], in_axes=(0, None, 0, own))(table, share, keys, listed)
