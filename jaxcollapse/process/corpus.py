"""The training data: which generations' samples the model is fitted to.

*replace* keeps the last generation's samples only, *accumulate* those of every generation so far, *window* those of the
last w. A finite corpus is a table of counts [context, token]; an infinite one is what traces are drawn from, as logits
and how often each row is visited.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.sampling.mixture import mixture

Kind = Literal["replace", "accumulate", "window"]


class Expected(NamedTuple):
    """Infinitely many traces. visits: tokens of a trace that are drawn from each row, on average."""

    logits: Float[Array, "*part context token"]
    visits: Float[Array, "*part context"]


Samples = Int32[Array, "context token"] | Expected
Visited = Bool[Array, " context"]
Stored = Any  # None, samples, or several of them


def combined(parts: Expected, shares: Float[Array, " part"]) -> Expected:
    """A mixture of traces: row by row, each part weighs as much as its traces visit the row."""
    weights = shares[:, jnp.newaxis] * parts.visits
    return Expected(mixture(parts.logits, weights), jnp.sum(weights, axis=0))


@dataclass(frozen=True)
class Corpus:
    """A rule for what is kept. `window` counts generations and matters to kind "window" alone."""

    kind: Kind
    window: int = 0

    def empty(self, start: Samples) -> Stored:
        """What is kept before the first generation, made from what gets no weight: no counts, or the initial table."""
        if self.kind == "replace":
            return None
        if self.kind == "accumulate":
            return start
        return jax.tree.map(lambda each: jnp.broadcast_to(each, (self.window, *each.shape)), start)

    def add(self, stored: Stored, samples: Samples, generation: Int32[Array, ""]) -> tuple[Stored, Samples]:
        """Adds the samples of generation `generation` (from 0); gives what to keep and the whole corpus.

        Infinitely many samples weigh as much in each generation as in any other.
        """
        if self.kind == "replace":
            return None, samples
        if self.kind == "accumulate":
            if not isinstance(samples, Expected):
                return stored + samples, stored + samples
            share = 1 / (generation + 1).astype(samples.logits.dtype)
            parts = jax.tree.map(lambda *each: jnp.stack(each), stored, samples)
            whole = combined(parts, jnp.stack([1 - share, share]))
            return whole, whole
        stored = jax.tree.map(lambda old, new: old.at[generation % self.window].set(new), stored, samples)
        if not isinstance(samples, Expected):
            return stored, jnp.sum(stored, axis=0, dtype=jnp.int32)
        filled = (jnp.arange(self.window) <= generation).astype(samples.logits.dtype)
        return stored, combined(stored, filled / jnp.sum(filled))


def log_weights(corpus: Samples, dtype: jax.typing.DTypeLike) -> Float[Array, "context token"]:
    """ln of what share of a corpus each pair of (context, token) has, up to a constant."""
    if not isinstance(corpus, Expected):
        return jnp.log(corpus.astype(dtype))
    if len(corpus.logits) == 1:
        return corpus.logits
    return jax.nn.log_softmax(corpus.logits, axis=-1) + jnp.log(corpus.visits)[:, jnp.newaxis]


def seen(visited: Visited | None, samples: Samples) -> Visited | None:
    """The rows visited so far, with those of these samples."""
    if visited is None:
        return None
    return visited | (samples.visits > 0 if isinstance(samples, Expected) else jnp.any(samples > 0, axis=-1))
