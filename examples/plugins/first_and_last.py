"""A corpus: the samples of the first generation stay for ever, beside those of the last.

jaxcollapse run examples/plugins/first_and_last.toml --plugin examples/plugins/first_and_last.py
"""

import jax
import jax.numpy as jnp

import jaxcollapse as jc
from jaxcollapse.training.corpora.corpus import Expected, combined


@jc.corpus
class FirstAndLast(jc.Corpus):
    """Two generations' samples, which weigh as much as each other."""

    def empty(self, start):
        """What the first samples take the place of."""
        return start

    def add(self, stored, samples, generation):
        """The first samples are kept; each later corpus is those and the new ones."""
        is_first = generation == 0
        first = jax.tree.map(lambda old, new: jnp.where(is_first, new, old), stored, samples)
        if isinstance(samples, Expected):
            pair = jax.tree.map(lambda *each: jnp.stack(each), first, samples)
            return first, combined(pair, jnp.full(2, 0.5, samples.logits.dtype))
        return first, jnp.where(is_first, samples, first + samples)

    def generations(self, last):
        """Two, at most."""
        return 2
