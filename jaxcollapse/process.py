"""One trajectory of self-training: sample, collect, train, again.

`SelfTraining` is a pair of pure functions, `init() → State` and `step(key, state) → State`. What decides shapes and
code paths is in its `Structure` and is static; every number is in `Settings` or `Loops` and is traced, so that a sweep
over numbers compiles nothing. A model is parameters, which make a table of logits [context, token], and a walk over its
rows; nothing here depends on which.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.corpus import Expected, Samples, Stored, combined
from jaxcollapse.models import Categorical
from jaxcollapse.models.walk import urn
from jaxcollapse.sampling import bits, truncation
from jaxcollapse.sampling.curation import CURATIONS, verified
from jaxcollapse.sampling.mixture import mixture
from jaxcollapse.sampling.multinomial import Method, multinomial
from jaxcollapse.sampling.subset import subset
from jaxcollapse.sampling.temperature import temper
from jaxcollapse.structure import Loops, Settings, Structure
from jaxcollapse.training.gradient import cross_entropy_gradient, expected_gradient
from jaxcollapse.training.optimizers import optimizer
from jaxcollapse.training.penalties import penalised
from jaxcollapse.training.refit import refit
from jaxcollapse.training.schedules import SCHEDULES

_RECORDED = 0xFFFFFFFE  # folded into a trajectory's key for its recorded real data; generations count from 0
_RAREST = -103.0  # ln of a probability that is never drawn, the least float32; rarer tokens have its likelihood
Table = Float[Array, "context token"]
Counts = Int32[Array, "context token"]
Visited = Bool[Array, " context"]


class State(NamedTuple):
    """parameters: of the model; the table of logits itself, if that is free. optimizer: optax state, if it is carried.

    corpus: what is kept of earlier generations. generation: how many the model is away from p0. visited: the rows that
    traces have been drawn from so far, if that is kept.
    """

    parameters: Any
    optimizer: Any
    corpus: Stored
    generation: Int32[Array, ""]
    visited: Visited | None


@dataclass(frozen=True)
class SelfTraining:
    """Self-training that starts from the parameters `start`: as a rule from `origin`, whose table `initial` is p0.

    Real data are drawn from the table `real`, which is p0, unless its parameters only come close.
    """

    structure: Structure
    settings: Settings
    loops: Loops
    start: Any
    origin: Any
    initial: Table
    possible: Bool[Array, "context token"]
    real: Table
    scores: Float[Array, " token"] | None

    @classmethod
    def of(
        cls,
        structure: Structure,
        settings: Settings,
        loops: Loops,
        given: Table,
        fitted: Any,
        scores: Float[Array, " token"] | None,
        key: bits.Key,
    ) -> "SelfTraining":
        """The process of a trajectory with this key, from a table or from parameters that were fitted to it.

        `scores` of tokens are for curation, if it rewards them.
        """
        possible = given > -jnp.inf
        origin = given if structure.parameters.is_free else fitted
        initial, start = structure.parameters.table(origin, possible), origin
        if "collapsed_start" in structure.remedies:
            start = _collapsed(initial, settings.collapsed_start)
        real = given
        if "real_samples" in structure.remedies:
            recorded, split = bits.fold_in(key, jnp.uint32(_RECORDED)), Method(native=False)
            counts = structure.walk.sample(
                recorded, urn(given), settings.real_samples, split, jnp.int32(0), settings.traces
            )
            real = jnp.log(counts.astype(given.dtype))
        return cls(structure, settings, loops, start, origin, initial, possible, real, scores)

    def init(self) -> State:
        """The model at generation 0."""
        return self._untrained(self.start)

    def _untrained(self, parameters: Any) -> State:
        """A model of these parameters, without a past."""
        structure = self.structure
        nothing: Samples = jnp.zeros(self.initial.shape, jnp.int32)
        if structure.infinite_samples:
            nothing = Expected(self.initial, jnp.ones(len(self.initial), self.initial.dtype))
        carries_moments = structure.update == "gradient" and structure.carry_optimizer
        return State(
            parameters=parameters,
            optimizer=self._optimizer(jnp.int32(0)).init(parameters) if carries_moments else None,
            corpus=None if structure.batches == "generator" else structure.corpus.empty(nothing),
            generation=jnp.int32(0),
            visited=jnp.zeros(len(self.initial), bool) if structure.tracks_visits else None,
        )

    def table(self, state: State) -> Table:
        """Logits of the model."""
        return self.structure.parameters.table(state.parameters, self.possible)

    def observed(self, state: State) -> Table:
        """Logits of the model at the temperature at which it is looked at."""
        table = self.table(state)
        if "evaluation_temperature" in self.structure.remedies:
            table = self._tempered(table, self.settings.evaluation_temperature)
        return table

    def step(self, key: bits.Key, state: State) -> State:
        """One generation: sample from the model as it stands, add to the corpus, train. Consumes `key`."""
        source = self.generator(state)
        corpus: Samples | None = None
        stored, visited = state.corpus, state.visited
        if self.structure.batches != "generator":
            stored, corpus = self._collect(bits.fold_in(key, 0), state, source)
            visited = _seen(visited, corpus)
        state = self._reset(state)._replace(visited=visited)
        if self.structure.update == "refit":
            assert corpus is not None
            state = state._replace(parameters=self._refit(state, corpus))
        else:
            state = self._descend(key, state, source, corpus)
        return state._replace(corpus=stored, generation=state.generation + 1)

    def generator(self, state: State) -> Table:
        """Logits that traces are sampled from: tempered, truncated, selected; mixed with real data, row by row."""
        structure, settings = self.structure, self.settings
        table = self.initial if "generator" in structure.remedies else self.table(state)
        logits = self._tempered(table, settings.temperature)
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
            share = self._fresh_share(state)
            logits = mixture(jnp.stack([logits, self.real]), jnp.stack([1 - share, share])[:, jnp.newaxis])
        return logits

    def _tempered(self, table: Table, temperature: Float[Array, ""]) -> Table:
        """The rows at this temperature that a sampling temperature applies to, the others as they are."""
        walk, tempered = self.structure.walk, temper(table, temperature)
        if not walk.is_structured:
            return tempered
        return jnp.where(jnp.asarray(walk.sampled()[0])[:, jnp.newaxis], tempered, table)

    def _rewards(self, row: Float[Array, " token"]) -> Float[Array, " token"]:
        """What samples are chosen by: of a model with this row."""
        if self.structure.reward == "score":
            assert self.scores is not None
            return self.settings.reward_scale * self.scores
        judge = self.initial[0] if self.structure.reward == "original_likelihood" else row
        log_p = jax.nn.log_softmax(judge)
        return self.settings.reward_scale * jnp.maximum(log_p, _RAREST)

    @property
    def _keeps_apart(self) -> bool:
        """Whether real data are drawn apart from the model's samples: a trace is the one or the other as a whole."""
        structure = self.structure
        stratified = "fresh_sampling" in structure.remedies and not structure.infinite_samples
        return structure.walk.is_structured or stratified

    def _fresh_share(self, state: State) -> Float[Array, ""]:
        """The share of real data in the generation to come."""
        share = self.settings.fresh_fraction
        if "fresh_every" in self.structure.remedies:
            share = jnp.where(_is_due(state, self.settings.fresh_every), share, 0)
        return share

    def _sample(
        self,
        key: bits.Key,
        state: State,
        source: Table,
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
    ) -> Counts:
        """Counts of fresh traces from the generator's weights, and of real ones if they are drawn apart."""
        structure, draw = self.structure, self.structure.walk.sample
        if not (structure.fresh_data and self._keeps_apart):
            return draw(key, source, traces, how, blocks, self.settings.traces)
        share = self._fresh_share(state)
        if "fresh_sampling" in structure.remedies:
            real = jnp.round(share * traces.astype(share.dtype)).astype(jnp.int32)
        else:
            real = multinomial(bits.fold_in(key, 2), jnp.stack([1 - share, share]), traces, how, blocks)[1]
        own = draw(bits.fold_in(key, 0), source, traces - real, how, blocks, self.settings.traces)
        return own + draw(bits.fold_in(key, 1), urn(self.real), real, how, blocks, self.settings.traces)

    def _expected(self, state: State, source: Table) -> Expected:
        """Infinitely many traces of the generator, and of real ones if they are kept apart."""
        visits = self.structure.walk.visits
        own = Expected(source, visits(source, self.settings.traces))
        if not (self.structure.fresh_data and self._keeps_apart):
            return own
        share, real = self._fresh_share(state), Expected(self.real, visits(self.real, self.settings.traces))
        return combined(jax.tree.map(lambda *each: jnp.stack(each), own, real), jnp.stack([1 - share, share]))

    def _reset(self, state: State) -> State:
        """Where training starts: from the model as it stands, or from p0 where a reset is due, without moments."""
        if "reset_every" not in self.structure.remedies:
            return state
        due, new = _is_due(state, self.settings.reset_every), self._untrained(self.origin)
        parameters, memory = jax.tree.map(
            lambda new, old: jnp.where(due, new, old),
            (new.parameters, new.optimizer),
            (state.parameters, state.optimizer),
        )
        return state._replace(parameters=parameters, optimizer=memory)

    def _refit(self, state: State, corpus: Samples) -> Table:
        """The logits that fit the corpus best."""
        mixing = self.settings.mixing if self.structure.partial_refit else None
        if isinstance(corpus, Expected):
            return refit(state.parameters, corpus.logits, corpus.visits > 0, mixing)
        visited, counts = jnp.any(corpus > 0, axis=-1), corpus.astype(self.initial.dtype)
        if "smoothing" in self.structure.remedies:
            counts = counts + jnp.where(self.initial > -jnp.inf, self.settings.smoothing, 0)
        return refit(state.parameters, jnp.log(counts), visited, mixing)

    def _collect(self, key: bits.Key, state: State, source: Table) -> tuple[Stored, Samples]:
        """Adds this generation's samples to the corpus."""
        samples: Samples
        if self.structure.infinite_samples:
            samples = self._expected(state, source)
        else:
            how = self.structure.sampler
            assert how is not None
            samples = self._sample(key, state, urn(source), self._traces(state), how, self.loops.sample_blocks)
        return self.structure.corpus.add(state.corpus, samples, state.generation)

    def _traces(self, state: State) -> Int32[Array, ""]:
        """How many traces the model emits in the generation to come."""
        if "sample_growth" not in self.structure.remedies:
            return self.settings.samples
        number = (state.generation + 1).astype(self.initial.dtype) ** self.settings.sample_growth
        return jnp.round(self.settings.samples.astype(self.initial.dtype) * number).astype(jnp.int32)

    def _descend(self, key: bits.Key, state: State, source: Table, corpus: Samples | None) -> State:
        """`steps` optimiser steps."""
        structure, descent = self.structure, self._optimizer(state.generation)
        memory = state.optimizer if structure.carry_optimizer else descent.init(state.parameters)
        gradient, unused = self._minibatches(state, source, corpus)

        def step(index: Array, carry: tuple[Any, Any, Any, Visited | None]) -> tuple[Any, Any, Any, Visited | None]:
            parameters, memory, unused, visited = carry
            logits, pull_back = structure.parameters.forward(parameters, self.possible)
            slope, shares, unused = gradient(bits.fold_in(key, index + 1), logits, unused)
            if structure.batches == "generator" and visited is not None:
                visited = visited | (shares > 0)
            slope = penalised(slope, logits, self.initial, shares, self.settings._asdict(), structure.remedies)
            updates, memory = descent.update(pull_back(slope), memory, parameters)
            moved = optax.apply_updates(parameters, updates)
            moved = jax.tree.map(lambda old, new: jnp.where(jnp.isneginf(old), old, new), parameters, moved)
            return moved, memory, unused, visited

        carry = (state.parameters, memory, unused, state.visited)
        if structure.single_step:
            carry = step(jnp.int32(0), carry)
        else:
            carry = jax.lax.fori_loop(0, self.loops.steps, step, carry)
        parameters, memory, _, visited = carry
        memory = memory if structure.carry_optimizer else None
        return state._replace(parameters=parameters, optimizer=memory, visited=visited)

    def _minibatches(self, state: State, source: Table, corpus: Samples | None) -> tuple["Gradient", Any]:
        """The gradient of a step, and what of the corpus is unused at first."""
        structure, settings = self.structure, self.settings

        def of_counts(logits: Table, counts: Counts) -> tuple[Table, Float[Array, " context"]]:
            tokens = jnp.maximum(jnp.sum(counts, dtype=jnp.int32), 1).astype(logits.dtype) / structure.walk.losses
            frequencies = counts.astype(logits.dtype) / tokens
            return cross_entropy_gradient(logits, frequencies), jnp.sum(frequencies, axis=-1)

        if structure.batches == "generator":
            assert structure.batch_sampler is not None
            weights, how = urn(source), structure.batch_sampler

            def fresh(key: bits.Key, logits: Table, unused: None) -> tuple[Table, Array, None]:
                counts = self._sample(key, state, weights, settings.batch_size, how, self.loops.batch_blocks)
                return *of_counts(logits, counts), unused

            return fresh, None

        assert corpus is not None
        if structure.batches == "full":
            if isinstance(corpus, Expected):
                shares = corpus.visits / jnp.sum(corpus.visits) * structure.walk.losses
                return lambda key, logits, unused: (
                    expected_gradient(logits, corpus.logits, shares),
                    shares,
                    unused,
                ), None
            return lambda key, logits, unused: (*of_counts(logits, corpus), unused), None

        # Pairs of (context, token) are drawn as if they were tokens of one row, as many as the traces have.
        pairs = settings.batch_size * structure.walk.pairs(settings.traces)
        if structure.batch_sampler is None:
            assert not isinstance(corpus, Expected)
            everything = corpus
            size = jnp.minimum(pairs, jnp.sum(everything, dtype=jnp.int32))

            def without_replacement(key: bits.Key, logits: Table, unused: Counts) -> tuple[Table, Array, Counts]:
                unused = jnp.where(jnp.sum(unused, dtype=jnp.int32) < size, everything, unused)
                counts = subset(key, unused.reshape(-1), size, logits.dtype).reshape(unused.shape)
                return *of_counts(logits, counts), unused - counts

            return without_replacement, everything

        resampler, row = structure.batch_sampler, urn(_log_weights(corpus, source.dtype).reshape(1, -1))

        def independent(key: bits.Key, logits: Table, unused: None) -> tuple[Table, Array, None]:
            counts = Categorical().sample(key, row, pairs, resampler, self.loops.batch_blocks, settings.traces)
            return *of_counts(logits, counts.reshape(logits.shape)), unused

        return independent, None

    def _optimizer(self, generation: Int32[Array, ""]) -> optax.GradientTransformation:
        structure, settings = self.structure, self.settings._asdict()
        if structure.schedule != "constant":
            time = generation.astype(self.initial.dtype) / self.settings.schedule_time
            settings["learning_rate"] = self.settings.learning_rate * SCHEDULES[structure.schedule](time)
        return optimizer(structure.optimizer, settings, clips="clip_norm" in structure.remedies)


def _collapsed(table: Table, share: Float[Array, ""]) -> Table:
    """Rows mixed with this share of the first of their most likely tokens."""
    mode = jax.nn.one_hot(jnp.argmax(table, axis=-1), table.shape[-1], dtype=table.dtype)
    return jnp.log((1 - share) * jax.nn.softmax(table, axis=-1) + share * mode)


Gradient = Callable[[bits.Key, Table, Any], tuple[Table, Float[Array, " context"], Any]]


def _log_weights(corpus: Samples, dtype: jax.typing.DTypeLike) -> Table:
    """ln of what share of a corpus each pair of (context, token) has, up to a constant."""
    if not isinstance(corpus, Expected):
        return jnp.log(corpus.astype(dtype))
    if len(corpus.logits) == 1:
        return corpus.logits
    return jax.nn.log_softmax(corpus.logits, axis=-1) + jnp.log(corpus.visits)[:, jnp.newaxis]


def _seen(visited: Visited | None, samples: Samples) -> Visited | None:
    """The rows visited so far, with those of these samples."""
    if visited is None:
        return None
    return visited | (samples.visits > 0 if isinstance(samples, Expected) else jnp.any(samples > 0, axis=-1))


def _is_due(state: State, every: Int32[Array, ""]) -> Bool[Array, ""]:
    """Whether the generation to come is the `every`th, the twice `every`th and so on, counted from 1."""
    return (state.generation + 1) % every == 0
