"""What the model emits: the table that traces are drawn from, and their counts, real data among them.

Temperature, truncation, exchange between models, curation, the verifier and real data come in this order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.process.one_by_one import OneByOne
from jaxcollapse.process.structure import Loops, Settings, Structure
from jaxcollapse.process.whole_traces import Judging
from jaxcollapse.sampling import bits, truncation
from jaxcollapse.sampling.correct import correct_set
from jaxcollapse.sampling.curation import CURATIONS, verified
from jaxcollapse.sampling.mixture import mixture
from jaxcollapse.sampling.multinomial import Method, multinomial
from jaxcollapse.sampling.temperature import temper
from jaxcollapse.training import rewards
from jaxcollapse.training.corpora.corpus import Expected, combined
from jaxcollapse.walks.walk import draw_rows, urn

Table = Float[Array, "context token"]
Counts = Int32[Array, "context token"]

# Folded into a trajectory's key for its recorded real data, and for its correct set; `process.hardness` has what is
# below, and generations count from 0.
_RECORDED, _CORRECT = 0xFFFFFFFE, 0xFFFFFFFD
_WHOLE = 1e-6  # relative distance from a whole number that is rounding


class Draw(NamedTuple):
    """When traces are drawn.

    Attributes:
        generation: number of the generation before the one that draws.
        step: the optimiser step that they are for; 0 if they are for all steps.
    """

    generation: Int32[Array, ""]
    step: Int32[Array, ""]


class Source(NamedTuple):
    """What traces are drawn from.

    Attributes:
        logits: logits of the tokens, [context, token].
        weights: weights of the tokens, [context, token].
        rewards: rewards of the tokens, [context, token]; None unless traces are judged as wholes.
        model: logits of the model that draws them, before any temperature [context, token].
        accepted: share of each row's traces that a verifier accepts, where those that it rejects count, too [context];
            else None.
    """

    logits: Table
    weights: Table
    rewards: Table | None
    model: Table
    accepted: Float[Array, " context"] | None = None


@dataclass(frozen=True)
class Emission:
    """How samples are drawn from a model of this structure.

    Attributes:
        structure: the static part of the process.
        settings: its numbers.
        loops: numbers of iterations.
        initial: table of p0.
        real: table that real data are drawn from.
        values: fields of the process, by name.
        correct: the tokens that are correct, [context, token].
    """

    structure: Structure
    settings: Settings
    loops: Loops
    initial: Table
    real: Table
    values: Mapping[str, Any]
    correct: Bool[Array, "context token"]

    def source(self, table: Table, generation: Int32[Array, ""]) -> Source:
        """What traces are drawn from in the generation after this one, of a model with this table.

        Where a trace is one token, what is selected and what is real is in its logits, row by row. A frozen generator
        emits traces of p0; `reward = "likelihood"` still judges them by the model itself.
        """
        structure, settings = self.structure, self.settings
        logits = self.sampled(self.initial if "generator" in structure.is_on else table)
        rewards = self._rewards(table) if structure.curation != "none" else None
        if structure.traces_at_once:
            return Source(logits, urn(logits), rewards, table)
        if rewards is not None:
            select = jax.vmap(CURATIONS[structure.curation], in_axes=(0, 0, None))
            logits = select(logits, rewards, settings.candidates)
        accepted = None
        if structure.rejects:
            if "budget" in structure.is_on:
                accepted = jnp.sum(jax.nn.softmax(logits, axis=-1) * self.rates.of(self.correct), axis=-1)
            verify = jax.vmap(verified, in_axes=(0, 0, None, None))
            logits = verify(logits, self.correct, settings.true_positive_rate, settings.false_positive_rate)
        if structure.fresh_data and not self._keeps_apart:
            share = self._fresh_share(generation)
            logits = mixture(jnp.stack([logits, self.real]), jnp.stack([1 - share, share])[:, jnp.newaxis])
        return Source(logits, urn(logits), None, table, accepted)

    def sampled(self, table: Table) -> Table:
        """What traces of a model with this table are drawn from, before any selection of them."""
        structure, settings = self.structure, self.settings
        logits = self.tempered(table, settings.temperature)
        is_cut = jnp.asarray(structure.walk.sampled()[1])[:, jnp.newaxis]
        for name in structure.truncations:
            cut = jax.vmap(getattr(truncation, name), in_axes=(0, None))(logits, getattr(settings, name))
            logits = jnp.where(is_cut, cut, logits)
        return structure.walk.exchanged(logits, settings.exchange)

    def rewarded(self, table: Table) -> rewards.Rewarded:
        """The rewards of traces of a model with this table: those of a verifier that selects are acceptance."""
        structure, scores, rates, group = self.structure, None, self.rates, None
        if structure.judges == "reward":
            part = rewards.REWARDS[structure.reward]
            if rewards.is_score(structure.reward):
                scores = self._rewards(table)
            elif part.fact("is_of_group"):
                group = dict(structure.options)["group_size"]
            else:
                rates = part.make(self.judged(table))
        return rewards.Rewarded(self.sampled(table), scores, rates, group)

    def tempered(self, table: Table, temperature: Float[Array, ""]) -> Table:
        """The rows at this temperature that a sampling temperature applies to, the others as they are."""
        walk, tempered = self.structure.walk, temper(table, temperature)
        if not walk.is_structured:
            return tempered
        return jnp.where(jnp.asarray(walk.sampled()[0])[:, jnp.newaxis], tempered, table)

    def traces(self, generation: Int32[Array, ""]) -> Int32[Array, ""]:
        """How many traces are emitted in the generation after this one."""
        if "sample_growth" not in self.structure.is_on:
            return self.settings.samples
        number = (generation + 1).astype(self.initial.dtype) ** self.settings.sample_growth
        return jnp.round(self.settings.samples.astype(self.initial.dtype) * number).astype(jnp.int32)

    def counts(
        self,
        key: bits.Key,
        source: Source,
        traces: Int32[Array, ""],
        when: "Draw",
        how: Method,
        blocks: Int32[Array, ""],
    ) -> Counts:
        """Counts of so many traces drawn from a source, and of real ones if they are drawn apart."""
        structure = self.structure
        if not (structure.fresh_data and self._keeps_apart):
            return self._own(key, source, traces, how, blocks)
        share = self._fresh_share(when.generation)
        if "fresh_sampling" in structure.is_on:
            real = stratum(share * traces.astype(share.dtype), self._earlier_draws(when))
        else:
            real = multinomial(bits.fold_in(key, 2), jnp.stack([1 - share, share]), traces, how, blocks)[1]
        own = self._own(bits.fold_in(key, 0), source, traces - real, how, blocks)
        draw = structure.walk.sample
        return own + draw(bits.fold_in(key, 1), urn(self.real), real, how, blocks, self.settings.traces)

    def _own(
        self, key: bits.Key, source: Source, traces: Int32[Array, ""], how: Method, blocks: Int32[Array, ""]
    ) -> Counts:
        """Counts of the model's traces: of those that are kept, if they are judged as wholes."""
        structure, settings = self.structure, self.settings
        if not structure.traces_at_once:
            if source.accepted is not None:  # how many are accepted; each of them has the law of those
                chance = jnp.stack([source.accepted, jnp.maximum(1 - source.accepted, 0)], axis=-1)
                each = jnp.broadcast_to(traces, source.accepted.shape)
                passed = draw_rows(bits.fold_in(key, 1), chance, each, how)[:, 0]
                key, traces = bits.fold_in(key, 0), passed if structure.walk.is_structured else passed[0]
            return structure.walk.sample(key, source.weights, traces, how, blocks, settings.traces)
        judging = Judging(
            drawn=self.one_by_one(source),
            curation=structure.curation,
            rewards=source.rewards,
            correct=self.correct if structure.rejects else None,
            needs=structure.correct_trace,
            rates=self.rates,
            at_once=structure.traces_at_once,
            candidates=self.loops.candidates,
            counts_drawn="budget" in structure.is_on,
        )
        return judging.counts(key, traces)

    def one_by_one(self, source: Source) -> OneByOne:
        """Traces of a source, each with a key of its own."""
        return OneByOne.of(self.structure.walk, self.settings.traces, self.loops.places, source.weights)

    def expected(self, source: Source, generation: Int32[Array, ""]) -> Expected:
        """Infinitely many traces of a source, and real ones if they are kept apart."""
        visits = self.structure.walk.visits
        own = Expected(source.logits, visits(source.logits, self.settings.traces))
        if not (self.structure.fresh_data and self._keeps_apart):
            return own
        share, real = self._fresh_share(generation), Expected(self.real, visits(self.real, self.settings.traces))
        return combined(jax.tree.map(lambda *each: jnp.stack(each), own, real), jnp.stack([1 - share, share]))

    @property
    def _keeps_apart(self) -> bool:
        """Whether real data are drawn apart from the model's samples: a trace is the one or the other as a whole."""
        counted = not {"fresh_sampling", "budget"}.isdisjoint(self.structure.is_on)
        return not self.structure.walk.is_of_tokens or (counted and not self.structure.infinite_samples)

    def _earlier_draws(self, when: "Draw") -> Int32[Array, ""]:
        """How many draws with real data there have been before this one."""
        draws = self.loops.steps if self.structure.batches == "generator" else 1
        generations = when.generation
        if "fresh_every" in self.structure.is_on:
            generations = (generations + 1) // self.settings.fresh_every - 1
        return generations * draws + when.step

    def _fresh_share(self, generation: Int32[Array, ""]) -> Float[Array, ""]:
        share = self.settings.fresh_fraction
        if "fresh_every" in self.structure.is_on:
            share = jnp.where(is_due(generation, self.settings.fresh_every), share, 0)
        return share

    def _rewards(self, table: Table) -> Table:
        """What samples are chosen by: of each token in each row, from a model with this table."""
        return self.settings.reward_scale * rewards.table(self.structure.reward, self.judged(table), self.values)

    def judged(self, table: Table) -> rewards.Judged:
        """What rewards of a model with this table may depend on."""
        is_text = jnp.asarray(self.structure.walk.is_text())
        return rewards.Judged(table, self.initial, is_text, self.correct, self.rates)

    @property
    def rates(self) -> rewards.Rates:
        """The shares of correct and of other traces that a verifier accepts."""
        return rewards.Rates(self.settings.true_positive_rate, self.settings.false_positive_rate)


def correct_tokens(
    structure: Structure, settings: Settings, initial: Table, values: Mapping[str, Any], key: bits.Key
) -> Bool[Array, "context token"]:
    """The tokens that are correct in a trajectory with this key; of a row without tokens, all."""
    own, listed = bits.fold_in(key, jnp.uint32(_CORRECT)), values.get("correct_tokens", initial[0])
    correct = correct_set(structure.correct, initial, settings.correct_share, own, listed)
    return correct | ~jnp.asarray(structure.walk.is_text())[:, jnp.newaxis]


def recorded(structure: Structure, settings: Settings, given: Table, key: bits.Key) -> Table:
    """The table that a trajectory's real data are drawn from: p0's, or the counts of what it has recorded of p0.

    Rows that no recorded trace visited stay those of p0.
    """
    if "real_samples" not in structure.is_on:
        return given
    own, split = bits.fold_in(key, jnp.uint32(_RECORDED)), Method(native=False, always_splits=True)
    counts = structure.walk.sample(own, urn(given), settings.real_samples, split, jnp.int32(0), settings.traces)
    visited = jnp.any(counts > 0, axis=-1, keepdims=True)
    return jnp.where(visited, jnp.log(counts.astype(given.dtype)), given)


def stratum(wanted: Float[Array, ""], draws: Int32[Array, ""]) -> Int32[Array, ""]:
    """How many traces of a draw are real where `wanted` should be, after so many draws before it.

    A fraction is carried over: of k draws together it is k · wanted, rounded. The fraction is kept modulo 1 in 32 bits,
    so that it is exact after any number of draws.
    """
    nearest = jnp.round(wanted)
    is_whole = jnp.abs(wanted - nearest) <= _WHOLE * wanted
    whole = jnp.where(is_whole, nearest, jnp.floor(wanted))
    fraction = (jnp.where(is_whole, 0, wanted - whole) * 2.0**32).astype(jnp.uint32)
    before = jnp.uint32(2**31) + draws.astype(jnp.uint32) * fraction
    return whole.astype(jnp.int32) + (before + fraction < before).astype(jnp.int32)


def is_due(generation: Int32[Array, ""], every: Int32[Array, ""]) -> Bool[Array, ""]:
    """Whether the generation after this one is the `every`th, the twice `every`th and so on, counted from 1."""
    return (generation + 1) % every == 0
