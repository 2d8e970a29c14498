"""Minibatches: what each optimiser step of a generation sees."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.process.emission import Draw, Emission, Source
from jaxcollapse.process.groups import TokenGroups, compared
from jaxcollapse.process.structure import Loops, Settings, Structure
from jaxcollapse.process.trace_groups import TraceGroups
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.subset import subset
from jaxcollapse.training.advantages import Advantages
from jaxcollapse.training.batch import Batch, Table, finite, frequencies
from jaxcollapse.training.corpora.corpus import Expected, Samples, log_weights
from jaxcollapse.training.optimizers import OPTIMIZERS
from jaxcollapse.training.updates.policy_gradient import PolicyGradient
from jaxcollapse.training.updates.rule import Rest, Take
from jaxcollapse.walks.categorical import Categorical
from jaxcollapse.walks.walk import Walk, urn

Counts = Int32[Array, "context token"]


@dataclass(frozen=True)
class Minibatches:
    """Where minibatches come from.

    Attributes:
        structure: the static part of the process.
        settings: its numbers.
        loops: numbers of iterations.
        emission: how samples are drawn.
        original: table of p0.
        shares: share of each row in the tokens of traces drawn from p0, [context].
    """

    structure: Structure
    settings: Settings
    loops: Loops
    emission: Emission
    original: Table
    shares: Float[Array, " context"]

    def of(
        self, key: bits.Key, generation: Int32[Array, ""], source: Source, corpus: Samples | None
    ) -> tuple[Take, Rest]:
        """What gives the minibatch of a step: (step, logits, rest) → (batch, rest); and what is unused at first.

        `source` is what traces are drawn from in this generation, `corpus` all that is stored.
        """
        structure, settings = self.structure, self.settings
        if structure.batches == "generator":
            assert structure.batch_sampler is not None
            how = structure.batch_sampler

            def fresh(step: Array, logits: Table, rest: None) -> tuple[Batch, None]:
                own, when = bits.fold_in(key, step + 1), Draw(generation, step)
                counts = self.emission.counts(own, source, settings.batch_size, when, how, self.loops.batch_blocks)
                return self._of_counts(logits, counts), rest

            return fresh, None

        if structure.batches == "groups":
            return self._groups(key, source), None

        assert corpus is not None
        if structure.batches == "full":
            return lambda step, logits, rest: (self._whole(logits, corpus), rest), None

        # Pairs of (context, token) are drawn as if they were tokens of one row, as many as the traces have.
        pairs = settings.batch_size * structure.walk.pairs(settings.traces)
        if structure.batch_sampler is None:
            assert not isinstance(corpus, Expected)
            everything = corpus
            size = jnp.minimum(pairs, jnp.sum(everything, dtype=jnp.int32))

            def without_replacement(step: Array, logits: Table, unused: Counts) -> tuple[Batch, Counts]:
                unused = jnp.where(jnp.sum(unused, dtype=jnp.int32) < size, everything, unused)
                own = bits.fold_in(key, step + 1)
                counts = subset(own, unused.reshape(-1), size, logits.dtype).reshape(unused.shape)
                return self._of_counts(logits, counts), unused - counts

            return without_replacement, everything

        resampler, row = structure.batch_sampler, urn(log_weights(corpus, source.logits.dtype).reshape(1, -1))

        def independent(step: Array, logits: Table, rest: None) -> tuple[Batch, None]:
            own = bits.fold_in(key, step + 1)
            counts = Categorical().sample(own, row, pairs, resampler, self.loops.batch_blocks, settings.traces)
            return self._of_counts(logits, counts.reshape(logits.shape)), rest

        return independent, None

    def _groups(self, key: bits.Key, source: Source) -> Take:
        """Groups of traces with rewards, the same at every step; the ratios are to the model that drew them."""
        structure, settings, rule = self.structure, self.settings, self.structure.rule
        assert isinstance(rule, PolicyGradient)
        correction, sampled = rule.sampling_correction, None
        temperature = settings.temperature
        if structure.walk.is_structured:  # some rows may have none
            is_tempered = jnp.asarray(structure.walk.sampled()[0])[:, jnp.newaxis]
            temperature = jnp.where(is_tempered, temperature, 1)
        if correction == "importance":
            sampled = source.logits
        elif not structure.single_step:
            sampled = source.model if correction == "none" else source.model / temperature
        old = None if sampled is None else finite(jax.nn.log_softmax(sampled, axis=-1))
        counts: Counts | None = None
        if structure.infinite_samples:
            found = TokenGroups(**compared(self.emission, source.model)).expected(source.logits)
            shares = shares_of(structure.walk, structure.walk.visits(source.logits, settings.traces))
        else:
            found, counts = self._drawn(key, source)
            shares = jnp.sum(frequencies(counts, structure.walk.losses, source.logits.dtype), axis=-1)

        def take(step: Array, logits: Table, rest: None) -> tuple[Batch, None]:
            batch = Batch(logits, self.original, shares, self.shares, counts, None, structure.walk.losses)
            rewarded = replace(batch, advantages=found, is_balanced=structure.walk.is_of_tokens)
            return replace(rewarded, sampled=old, temperature=temperature), rest

        return take

    def _drawn(self, key: bits.Key, source: Source) -> tuple[Advantages, Counts]:
        """Advantages and counts of the traces of a generation."""
        structure, number = self.structure, self.settings.batch_size
        if structure.walk.is_of_tokens:
            return TokenGroups(**compared(self.emission, source.model)).drawn(key, source.weights, number)
        traces = self.emission.one_by_one(source)
        groups = TraceGroups(**compared(self.emission, source.model), traces=traces, needs=structure.correct_trace)
        return groups.drawn(key, number)

    def _of_counts(self, logits: Table, counts: Counts) -> Batch:
        losses = self.structure.walk.losses
        shares = jnp.sum(frequencies(counts, losses, logits.dtype), axis=-1)
        signs, may_be_empty = sees_sign(self.structure), "budget" in self.structure.is_on
        return Batch(logits, self.original, shares, self.shares, counts, None, losses, signs, may_be_empty)

    def _whole(self, logits: Table, corpus: Samples) -> Batch:
        if not isinstance(corpus, Expected):
            return self._of_counts(logits, corpus)
        shares = shares_of(self.structure.walk, corpus.visits)
        return Batch(logits, self.original, shares, self.shares, None, corpus.logits, self.structure.walk.losses)


def sees_sign(structure: Structure) -> bool:
    """Whether the optimiser uses only the sign of the gradient."""
    return bool(OPTIMIZERS[structure.optimizer].fact("sees_sign_alone", False))


def shares_of(walk: Walk, visits: Float[Array, " context"]) -> Float[Array, " context"]:
    """The share of each row in the tokens of its model's traces, from the visits of the rows."""
    return visits / jnp.sum(visits) * walk.losses
