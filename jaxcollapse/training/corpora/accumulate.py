"""The samples of every generation so far."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int32

from jaxcollapse.training.corpora import CORPORA
from jaxcollapse.training.corpora.corpus import Corpus, Expected, Samples, Stored, combined


@CORPORA.adds()
@dataclass(frozen=True)
class Accumulate(Corpus):
    """Their sum is kept."""

    def empty(self, start: Samples) -> Stored:
        """A table of zero counts; for infinitely many samples the table of p0, which has no weight."""
        return start

    def add(self, stored: Stored, samples: Samples, generation: Int32[Array, ""]) -> tuple[Stored, Samples]:
        """Adds this generation's counts to the sum; for infinitely many samples, averages over generations."""
        if not isinstance(samples, Expected):
            return stored + samples, stored + samples
        share = 1 / (generation + 1).astype(samples.logits.dtype)
        parts = jax.tree.map(lambda *each: jnp.stack(each), stored, samples)
        whole = combined(parts, jnp.stack([1 - share, share]))
        return whole, whole
