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

from jaxcollapse.process.corpus import Expected, Samples, Stored, Visited, log_weights, seen
from jaxcollapse.process.emission import Draw, Emission, Source, is_due, recorded
from jaxcollapse.process.structure import Loops, Settings, Structure
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.octaves import Scaled, within_range
from jaxcollapse.sampling.subset import subset
from jaxcollapse.training.gradient import cross_entropy_gradient, expected_gradient, without_rounding
from jaxcollapse.training.optimizers import optimizer
from jaxcollapse.training.penalties import penalised
from jaxcollapse.training.refit import refit
from jaxcollapse.training.schedules import SCHEDULES
from jaxcollapse.walks import Categorical, Walk
from jaxcollapse.walks.walk import urn

Table = Float[Array, "context token"]
Counts = Int32[Array, "context token"]


class State(NamedTuple):
    """parameters: of the model; the table of logits itself, if that is free. optimizer: optax state, if it is carried.

    corpus: what is kept of earlier generations. generation: how many the model is away from p0. visited: the rows that
    traces have been drawn from so far, if that is kept. octaves: of a temperature that is kept apart from parameters.
    """

    parameters: Any
    optimizer: Any
    corpus: Stored
    generation: Int32[Array, ""]
    visited: Visited | None
    octaves: Int32[Array, ""] | None


@dataclass(frozen=True)
class SelfTraining:
    """Self-training that starts from the parameters `start`: as a rule from `origin`, whose table `initial` is p0.

    original: the share of each row in the tokens of p0's traces.
    """

    structure: Structure
    settings: Settings
    loops: Loops
    start: Any
    origin: Any
    initial: Table
    original: Float[Array, " context"]
    possible: Bool[Array, "context token"]
    emission: Emission

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
        real = recorded(structure, settings, given, key)
        emission = Emission.of(structure, settings, loops, initial, real, scores)
        original = _shares(structure.walk, structure.walk.visits(initial, settings.traces))
        return cls(structure, settings, loops, start, origin, initial, original, possible, emission)

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
            octaves=jnp.int32(0) if structure.only_tempers else None,
        )

    def scaled(self, state: State) -> Scaled:
        """Logits of the model, and the octaves that are kept apart from them."""
        return Scaled(self.structure.parameters.table(state.parameters, self.possible), state.octaves)

    def table(self, state: State) -> Table:
        """Logits of the model."""
        return self.scaled(state).whole(self._is_tempered)

    def observed(self, state: State) -> tuple[Table, Scaled]:
        """Logits of the model at the temperature at which it is looked at; and with their scale kept apart."""
        scaled = self.scaled(state)
        if "evaluation_temperature" in self.structure.remedies:
            scaled = scaled._replace(table=self.emission.tempered(scaled.table, self.settings.evaluation_temperature))
        return scaled.whole(self._is_tempered), scaled

    @property
    def _is_tempered(self) -> Bool[Array, "context 1"]:
        """Which rows a sampling temperature applies to."""
        return jnp.asarray(self.structure.walk.sampled()[0])[:, jnp.newaxis]

    def step(self, key: bits.Key, state: State) -> State:
        """One generation: sample from the model as it stands, add to the corpus, train. Consumes `key`."""
        source = self.emission.source(self.scaled(state).table, state.generation)
        corpus: Samples | None = None
        stored, visited = state.corpus, state.visited
        if self.structure.batches != "generator":
            stored, corpus = self._collect(bits.fold_in(key, 0), state, source)
            visited = seen(visited, corpus)
        state = self._reset(state)._replace(visited=visited)
        if self.structure.update == "refit":
            assert corpus is not None
            fitted = Scaled(self._refit(state, corpus), state.octaves)
            fitted = within_range(fitted, self._is_tempered, self.settings.temperature > 1)
            state = state._replace(parameters=fitted.table, octaves=fitted.octaves)
        else:
            state = self._descend(key, state, source, corpus)
        return state._replace(corpus=stored, generation=state.generation + 1)

    def _reset(self, state: State) -> State:
        """Where training starts: from the model as it stands, or from p0 where a reset is due, without moments."""
        if "reset_every" not in self.structure.remedies:
            return state
        due, new = is_due(state.generation, self.settings.reset_every), self._untrained(self.origin)
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

    def _collect(self, key: bits.Key, state: State, source: Source) -> tuple[Stored, Samples]:
        """Adds this generation's samples to the corpus."""
        samples: Samples
        generation = state.generation
        if self.structure.infinite_samples:
            samples = self.emission.expected(source, generation)
        else:
            how, traces = self.structure.sampler, self.emission.traces(generation)
            assert how is not None
            when = Draw(generation, jnp.int32(0))
            samples = self.emission.counts(key, source, traces, when, how, self.loops.sample_blocks)
        return self.structure.corpus.add(state.corpus, samples, generation)

    def _descend(self, key: bits.Key, state: State, source: Source, corpus: Samples | None) -> State:
        """`steps` optimiser steps."""
        structure, descent = self.structure, self._optimizer(state.generation)
        memory = state.optimizer if structure.carry_optimizer else descent.init(state.parameters)
        gradient, unused = self._minibatches(key, state, source, corpus)

        def step(index: Array, carry: tuple[Any, Any, Any, Visited | None]) -> tuple[Any, Any, Any, Visited | None]:
            parameters, memory, unused, visited = carry
            logits, pull_back = structure.parameters.forward(parameters, self.possible)
            slope, shares, unused = gradient(index, logits, unused)
            if structure.batches == "generator" and visited is not None:
                visited = visited | (shares > 0)
            terms = self.settings._asdict(), structure.remedies
            slope = penalised(slope, logits, self.initial, shares, self.original, *terms)
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

    def _minibatches(
        self, key: bits.Key, state: State, source: Source, corpus: Samples | None
    ) -> tuple["Gradient", Any]:
        """The gradient of a step, by its number, and what of the corpus is unused at first."""
        structure, settings = self.structure, self.settings

        def of_counts(logits: Table, counts: Counts) -> tuple[Table, Float[Array, " context"]]:
            tokens = jnp.maximum(jnp.sum(counts, dtype=jnp.int32), 1).astype(logits.dtype) / structure.walk.losses
            frequencies = counts.astype(logits.dtype) / tokens
            gradient = cross_entropy_gradient(logits, frequencies)
            if structure.optimizer == "sign_sgd":
                gradient = without_rounding(gradient, frequencies)
            return gradient, jnp.sum(frequencies, axis=-1)

        if structure.batches == "generator":
            assert structure.batch_sampler is not None
            how = structure.batch_sampler

            def fresh(step: Array, logits: Table, unused: None) -> tuple[Table, Array, None]:
                own, when = bits.fold_in(key, step + 1), Draw(state.generation, step)
                counts = self.emission.counts(own, source, settings.batch_size, when, how, self.loops.batch_blocks)
                return *of_counts(logits, counts), unused

            return fresh, None

        assert corpus is not None
        if structure.batches == "full":
            if isinstance(corpus, Expected):
                shares = _shares(structure.walk, corpus.visits)
                return lambda step, logits, unused: (
                    expected_gradient(logits, corpus.logits, shares),
                    shares,
                    unused,
                ), None
            return lambda step, logits, unused: (*of_counts(logits, corpus), unused), None

        # Pairs of (context, token) are drawn as if they were tokens of one row, as many as the traces have.
        pairs = settings.batch_size * structure.walk.pairs(settings.traces)
        if structure.batch_sampler is None:
            assert not isinstance(corpus, Expected)
            everything = corpus
            size = jnp.minimum(pairs, jnp.sum(everything, dtype=jnp.int32))

            def without_replacement(step: Array, logits: Table, unused: Counts) -> tuple[Table, Array, Counts]:
                unused = jnp.where(jnp.sum(unused, dtype=jnp.int32) < size, everything, unused)
                own = bits.fold_in(key, step + 1)
                counts = subset(own, unused.reshape(-1), size, logits.dtype).reshape(unused.shape)
                return *of_counts(logits, counts), unused - counts

            return without_replacement, everything

        resampler, row = structure.batch_sampler, urn(log_weights(corpus, source.logits.dtype).reshape(1, -1))

        def independent(step: Array, logits: Table, unused: None) -> tuple[Table, Array, None]:
            own = bits.fold_in(key, step + 1)
            counts = Categorical().sample(own, row, pairs, resampler, self.loops.batch_blocks, settings.traces)
            return *of_counts(logits, counts.reshape(logits.shape)), unused

        return independent, None

    def _optimizer(self, generation: Int32[Array, ""]) -> optax.GradientTransformation:
        structure, settings = self.structure, self.settings._asdict()
        if structure.schedule != "constant":
            time = generation.astype(self.initial.dtype) / self.settings.schedule_time
            settings["learning_rate"] = self.settings.learning_rate * SCHEDULES[structure.schedule](time)
        return optimizer(structure.optimizer, settings, clips="clip_norm" in structure.remedies)


def _shares(walk: Walk, visits: Float[Array, " context"]) -> Float[Array, " context"]:
    """Of rows that are visited so often in the tokens of traces, for each of the models that are trained."""
    return visits / jnp.sum(visits) * walk.losses


def _collapsed(table: Table, share: Float[Array, ""]) -> Table:
    """Rows mixed with this share of the first of their most likely tokens."""
    mode = jax.nn.one_hot(jnp.argmax(table, axis=-1), table.shape[-1], dtype=table.dtype)
    return jnp.log((1 - share) * jax.nn.softmax(table, axis=-1) + share * mode)


Gradient = Callable[[Array, Table, Any], tuple[Table, Float[Array, " context"], Any]]
