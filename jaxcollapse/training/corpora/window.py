"""The samples of the last few generations."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int32

from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Whole
from jaxcollapse.training.corpora import CORPORA
from jaxcollapse.training.corpora.corpus import Corpus, Expected, Samples, Stored, combined


@CORPORA.adds(
    Field(
        name="window",
        type=Whole,
        default=4,
        description="Number of generations kept by corpus = 'window'.",
        label="corpus window",
        units="generation",
    )
)
@dataclass(frozen=True)
class Window(Corpus):
    """window: how many generations are kept, each by itself."""

    window: int

    @property
    def copies(self) -> int:
        """Tables of the window's generations, and room for the arrays that are computed from them."""
        return 3 * self.window

    def empty(self, start: Samples) -> Stored:
        """One copy of `start` for each generation of the window."""
        return jax.tree.map(lambda each: jnp.broadcast_to(each, (self.window, *each.shape)), start)

    def add(self, stored: Stored, samples: Samples, generation: Int32[Array, ""]) -> tuple[Stored, Samples]:
        """Replaces the oldest generation by this one; the corpus is the sum, or mean, over the window."""
        stored = jax.tree.map(lambda old, new: old.at[generation % self.window].set(new), stored, samples)
        if not isinstance(samples, Expected):
            return stored, jnp.sum(stored, axis=0, dtype=jnp.int32)
        filled = (jnp.arange(self.window, dtype=jnp.int32) <= generation).astype(samples.logits.dtype)
        return stored, combined(stored, filled / jnp.sum(filled))

    def generations(self, last: float) -> float:
        """The size of the window, in generations."""
        return self.window
