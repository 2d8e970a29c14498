"""What the model emits: the table that traces are drawn from, and their counts, real data among them.

Temperature, truncation, exchange between models, curation, the verifier and real data come in this order.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.corpus import Expected, combined
from jaxcollapse.models.walk import urn
from jaxcollapse.sampling import bits, truncation
from jaxcollapse.sampling.curation import CURATIONS, verified
from jaxcollapse.sampling.mixture import mixture
from jaxcollapse.sampling.multinomial import Method, multinomial
from jaxcollapse.sampling.temperature import temper
from jaxcollapse.structure import Settings, Structure

Table = Float[Array, "context token"]
Counts = Int32[Array, "context token"]

_RECORDED = 0xFFFFFFFE  # folded into a trajectory's key for its recorded real data; generations count from 0
_RAREST = -103.0  # ln of a probability that is never drawn, the least float32; rarer tokens have its likelihood


@dataclass(frozen=True)
class Emission:
    """How samples come from a model of this structure.

    initial: the table of p0. real: what real data are drawn from. scores: of tokens, if curation rewards them.
    """

    structure: Structure
    settings: Settings
    initial: Table
    real: Table
    scores: Float[Array, " token"] | None

    def source(self, table: Table, generation: Int32[Array, ""]) -> Table:
        """Logits that traces are drawn from in the generation after this one, from a model with this table.

        Real data are mixed with it row by row where a trace is one token.
        """
        structure, settings = self.structure, self.settings
        table = self.initial if "generator" in structure.remedies else table
        logits = self.tempered(table, settings.temperature)
        is_cut = jnp.asarray(structure.walk.sampled()[1])[:, jnp.newaxis]
        for name in structure.truncations:
            cut = jax.vmap(getattr(truncation, name), in_axes=(0, None))(logits, getattr(settings, name))
            logits = jnp.where(is_cut, cut, logits)
        logits = structure.walk.exchanged(logits, settings.exchange)
        if structure.curation != "none":
            logits = CURATIONS[structure.curation](logits[0], self._rewards(table[0]), settings.candidates)[None]
        if "true_positive_rate" in structure.remedies or "false_positive_rate" in structure.remedies:
            correct = truncation.top_p(self.initial[0], settings.correct_share) > -jnp.inf
            logits = verified(logits[0], correct, settings.true_positive_rate, settings.false_positive_rate)[None]
        if structure.fresh_data and not self._keeps_apart:
            share = self._fresh_share(generation)
            logits = mixture(jnp.stack([logits, self.real]), jnp.stack([1 - share, share])[:, jnp.newaxis])
        return logits

    def tempered(self, table: Table, temperature: Float[Array, ""]) -> Table:
        """The rows at this temperature that a sampling temperature applies to, the others as they are."""
        walk, tempered = self.structure.walk, temper(table, temperature)
        if not walk.is_structured:
            return tempered
        return jnp.where(jnp.asarray(walk.sampled()[0])[:, jnp.newaxis], tempered, table)

    def traces(self, generation: Int32[Array, ""]) -> Int32[Array, ""]:
        """How many traces are emitted in the generation after this one."""
        if "sample_growth" not in self.structure.remedies:
            return self.settings.samples
        number = (generation + 1).astype(self.initial.dtype) ** self.settings.sample_growth
        return jnp.round(self.settings.samples.astype(self.initial.dtype) * number).astype(jnp.int32)

    def counts(
        self,
        key: bits.Key,
        weights: Table,
        traces: Int32[Array, ""],
        generation: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
    ) -> Counts:
        """Counts of so many traces drawn from the weights of a source, and of real ones if they are drawn apart."""
        structure, draw = self.structure, self.structure.walk.sample
        if not (structure.fresh_data and self._keeps_apart):
            return draw(key, weights, traces, how, blocks, self.settings.traces)
        share = self._fresh_share(generation)
        if "fresh_sampling" in structure.remedies:
            real = jnp.round(share * traces.astype(share.dtype)).astype(jnp.int32)
        else:
            real = multinomial(bits.fold_in(key, 2), jnp.stack([1 - share, share]), traces, how, blocks)[1]
        own = draw(bits.fold_in(key, 0), weights, traces - real, how, blocks, self.settings.traces)
        return own + draw(bits.fold_in(key, 1), urn(self.real), real, how, blocks, self.settings.traces)

    def expected(self, source: Table, generation: Int32[Array, ""]) -> Expected:
        """Infinitely many traces of a source, and real ones if they are kept apart."""
        visits = self.structure.walk.visits
        own = Expected(source, visits(source, self.settings.traces))
        if not (self.structure.fresh_data and self._keeps_apart):
            return own
        share, real = self._fresh_share(generation), Expected(self.real, visits(self.real, self.settings.traces))
        return combined(jax.tree.map(lambda *each: jnp.stack(each), own, real), jnp.stack([1 - share, share]))

    @property
    def _keeps_apart(self) -> bool:
        """Whether real data are drawn apart from the model's samples: a trace is the one or the other as a whole."""
        stratified = "fresh_sampling" in self.structure.remedies and not self.structure.infinite_samples
        return not self.structure.walk.is_of_tokens or stratified

    def _fresh_share(self, generation: Int32[Array, ""]) -> Float[Array, ""]:
        share = self.settings.fresh_fraction
        if "fresh_every" in self.structure.remedies:
            share = jnp.where(is_due(generation, self.settings.fresh_every), share, 0)
        return share

    def _rewards(self, row: Float[Array, " token"]) -> Float[Array, " token"]:
        """What samples are chosen by: of a model with this row."""
        if self.structure.reward == "score":
            assert self.scores is not None
            return self.settings.reward_scale * self.scores
        judge = self.initial[0] if self.structure.reward == "original_likelihood" else row
        return self.settings.reward_scale * jnp.maximum(jax.nn.log_softmax(judge), _RAREST)


def recorded(structure: Structure, settings: Settings, given: Table, key: bits.Key) -> Table:
    """The table that a trajectory's real data are drawn from: p0's, or the counts of what it has recorded of p0.

    Rows that no recorded trace visited stay those of p0.
    """
    if "real_samples" not in structure.remedies:
        return given
    own, split = bits.fold_in(key, jnp.uint32(_RECORDED)), Method(native=False, always_splits=True)
    counts = structure.walk.sample(own, urn(given), settings.real_samples, split, jnp.int32(0), settings.traces)
    visited = jnp.any(counts > 0, axis=-1, keepdims=True)
    return jnp.where(visited, jnp.log(counts.astype(given.dtype)), given)


def is_due(generation: Int32[Array, ""], every: Int32[Array, ""]) -> Bool[Array, ""]:
    """Whether the generation after this one is the `every`th, the twice `every`th and so on, counted from 1."""
    return (generation + 1) % every == 0
