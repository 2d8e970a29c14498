"""The training data: which generations' samples the model is fitted to.

*replace* keeps the last generation's samples only, *accumulate* those of every generation so far, *window* those of the
last w. A finite corpus is a table of counts [context, token]; an infinite one is the distribution itself, as logits.
"""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, Int32, Num

from jaxcollapse.sampling.mixture import mixture

Kind = Literal["replace", "accumulate", "window"]
Stored = Num[Array, "..."] | None


@dataclass(frozen=True)
class Corpus:
    """A rule for what is kept. `window` counts generations and matters to kind "window" alone."""

    kind: Kind
    window: int = 0

    def empty(self, start: Num[Array, "context token"]) -> Stored:
        """What is kept before the first generation: zero counts, or the initial logits (which get no weight)."""
        if self.kind == "replace":
            return None
        if self.kind == "accumulate":
            return start
        return jnp.broadcast_to(start, (self.window, *start.shape))

    def add_counts(
        self, stored: Stored, counts: Int32[Array, "context token"], generation: Int32[Array, ""]
    ) -> tuple[Stored, Int32[Array, "context token"]]:
        """Adds the counts of generation `generation` (from 0); gives what to keep and the whole corpus."""
        if stored is None:
            return None, counts
        if self.kind == "accumulate":
            return stored + counts, stored + counts
        stored = stored.at[generation % self.window].set(counts)
        return stored, jnp.sum(stored, axis=0, dtype=jnp.int32)

    def add_logits(
        self, stored: Stored, logits: Float[Array, "context token"], generation: Int32[Array, ""]
    ) -> tuple[Stored, Float[Array, "context token"]]:
        """The same for infinitely many samples: each generation weighs as much as any other."""
        if stored is None:
            return None, logits
        if self.kind == "accumulate":
            share = 1 / (generation + 1).astype(logits.dtype)
            whole = mixture(jnp.stack([stored, logits]), jnp.stack([1 - share, share]))
            return whole, whole
        stored = stored.at[generation % self.window].set(logits)
        filled = (jnp.arange(self.window) <= generation).astype(logits.dtype)
        return stored, mixture(stored, filled / jnp.sum(filled))
