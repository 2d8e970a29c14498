"""What a few sampled texts look like: 16 traces of 32 tokens, drawn from the model at temperature 1 at each record."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from jaxcollapse.observables.possible import Ends, Sizes, share
from jaxcollapse.observables.registry import OF_TEXTS, observable
from jaxcollapse.observables.snapshot import LENGTH, Scalar, Snapshot

Texts = Int32[Array, "text position"]


@observable("distinct tokens of texts", "1", "texts", default=False, models=OF_TEXTS, possible=share)
def distinct_1(now: Snapshot) -> Scalar:
    """Number of different tokens in 16 sampled texts, divided by the number of tokens (distinct-1, Li et al. 2016)."""
    return _distinct(*_grams(now.texts, 1), now.table.dtype)


@observable("distinct bigrams of texts", "1", "texts", default=False, models=OF_TEXTS, possible=share)
def distinct_2(now: Snapshot) -> Scalar:
    """Number of different bigrams in 16 sampled texts, divided by that of all bigrams (distinct-2, Li et al. 2016)."""
    return _distinct(*_grams(now.texts, 2), now.table.dtype)


def _repeats(_: Sizes) -> Ends:
    """None, or all but the first token of a text."""
    return 0.0, LENGTH - 1


@observable("longest repeat in a text", "1", "texts", default=False, models=OF_TEXTS, possible=_repeats)
def longest_repeat(now: Snapshot) -> Scalar:
    """Tokens in the longest sequence that occurs twice in a text (may overlap): mean of 16 sampled texts."""

    def of_text(text: Int32[Array, " position"]) -> Array:
        length = len(text)
        same = (text[:, None] == text[None, :]) & (text >= 0)[:, None] & jnp.triu(jnp.ones((length, length), bool), 1)

        def row(above: Array, same_here: Array) -> tuple[Array, Array]:
            runs = jnp.where(same_here, jnp.concatenate([jnp.zeros(1, jnp.int32), above[:-1]]) + 1, 0)
            return runs, jnp.max(runs)

        return jnp.max(jax.lax.scan(row, jnp.zeros(length, jnp.int32), same)[1])

    return jnp.mean(jax.vmap(of_text)(now.texts).astype(now.table.dtype))


@observable("overlap of texts", "1", "texts", default=False, models=OF_TEXTS, possible=share)
def self_overlap(now: Snapshot) -> Scalar:
    """Share of a text's bigrams that another text also has: mean over all ordered pairs of 16 sampled texts."""
    bigrams, exist = _grams(now.texts, 2)

    def shared_by(text: tuple[Array, Array]) -> Array:
        """How many of a text's bigrams each text has."""
        own, exists = text
        same = jnp.all(own[:, None, None] == bigrams[None], axis=-1) & exist[None]
        return jnp.sum(jnp.any(same, axis=-1) & exists[:, None], axis=0, dtype=jnp.int32)

    shared = jax.lax.map(shared_by, (bigrams, exist)).astype(now.table.dtype)
    number = jnp.sum(exist, axis=1, dtype=jnp.int32)[:, None]
    pairs = ~jnp.eye(len(bigrams), dtype=bool) & (number > 0)
    ratio = jnp.where(pairs, shared / jnp.maximum(number, 1).astype(now.table.dtype), 0)
    return jnp.sum(ratio) / jnp.sum(pairs, dtype=now.table.dtype)


def _grams(texts: Texts, size: int) -> tuple[Int32[Array, "text place size"], Bool[Array, "text place"]]:
    """Pieces of so many tokens, from all places of all texts, and whether there is one."""
    places = texts.shape[1] - size + 1
    grams = jnp.stack([texts[:, start : start + places] for start in range(size)], axis=-1)
    return grams, grams[..., -1] >= 0


def _distinct(
    grams: Int32[Array, "text place size"], exist: Bool[Array, "text place"], dtype: jax.typing.DTypeLike
) -> Scalar:
    """How many of these are different, by their number."""
    missing, *tokens = jax.lax.sort(
        (~exist.reshape(-1), *grams.reshape(-1, grams.shape[-1]).T), num_keys=1 + grams.shape[-1]
    )
    order = jnp.stack(tokens)
    is_new = jnp.concatenate([jnp.ones(1, bool), jnp.any(order[:, 1:] != order[:, :-1], axis=0)]) & ~missing
    return jnp.sum(is_new, dtype=dtype) / jnp.sum(exist, dtype=dtype)
