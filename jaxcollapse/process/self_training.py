"""One trajectory of self-training: sample, collect, train, again.

`Process` is a pair of pure functions, `init() → State` and `step(key, state) → State`. What decides shapes and
code paths is in its `Structure` and is static; every number is in `Settings` or `Loops` and is traced, so that a sweep
over numbers compiles nothing. A model is parameters, which make a table of logits [context, token], and a walk over its
rows; nothing here depends on which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.parts.slot import bound
from jaxcollapse.process.emission import Draw, Emission, Source, correct_tokens, is_due, recorded
from jaxcollapse.process.hardness import with_accuracy
from jaxcollapse.process.minibatches import Minibatches, shares_of
from jaxcollapse.process.structure import FRESH, Loops, Settings, Structure
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.octaves import Scaled
from jaxcollapse.training import optimizers, schedules
from jaxcollapse.training.corpora.corpus import Corpus, Expected, Samples, Stored, seen
from jaxcollapse.training.updates.rule import State, Training, UpdateRule
from jaxcollapse.walks.sequence import Author

Table = Float[Array, "context token"]


@dataclass(frozen=True)
class Process:
    """Self-training that starts from given parameters.

    Attributes:
        structure: the static part of the process.
        settings: its numbers.
        loops: numbers of iterations.
        values: fields of the process, by name.
        start: parameters of the model at generation 0.
        origin: parameters that a reset returns to; as a rule the same as `start`.
        given: table of p0 that real data are drawn from.
        initial: table of p0, which `origin` makes; the same as `given`, unless parameters were fitted to that.
        original: share of each row in the tokens of traces drawn from p0, [context].
        possible: the tokens that p0 has, [context, token].
        emission: how samples are drawn.
    """

    structure: Structure
    settings: Settings
    loops: Loops
    values: Mapping[str, Any]
    start: Any
    origin: Any
    given: Table
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
        rows: Mapping[str, Float[Array, "..."]],
        key: bits.Key,
    ) -> "Process":
        """The process of a trajectory with this key, from a table or from parameters that were fitted to it.

        `rows` have the fields with a number for each token, such as scores, or for each token of each row.
        """
        possible = given > -jnp.inf
        origin = given if structure.parameters.is_free else fitted
        initial = structure.parameters.table(origin, possible)
        values = {**dict(structure.options), **settings, **rows}
        correct = correct_tokens(structure, settings, initial, values, key)
        if "initial_accuracy" in structure.is_on:  # of free tables
            given = origin = initial = with_accuracy(structure, settings, initial, correct, key)
        start = origin
        if "collapsed_start" in structure.is_on:
            start = _collapsed(initial, settings.collapsed_start)
        real = recorded(structure, settings, given, key)
        emission = Emission(structure, settings, loops, initial, real, values, correct)
        original = shares_of(structure.walk, structure.walk.visits(initial, settings.traces))
        return cls(structure, settings, loops, values, start, origin, given, initial, original, possible, emission)

    def init(self) -> State:
        """The model at generation 0."""
        return self._untrained(self.start)

    def _untrained(self, parameters: Any) -> State:
        """A model of these parameters, without a past."""
        structure = self.structure
        nothing: Samples = jnp.zeros(self.initial.shape, jnp.int32)
        if structure.infinite_samples:
            nothing = Expected(self.initial, jnp.ones(len(self.initial), self.initial.dtype))
        carries = not structure.rule.takes_steps or structure.carry_optimizer
        return State(
            parameters=parameters,
            memory=self._rule.init(parameters, self._descent(jnp.int32(0))) if carries else None,
            corpus=None if structure.batches in FRESH else self._corpus.empty(nothing),
            generation=jnp.int32(0),
            visited=jnp.zeros(len(self.initial), bool) if structure.tracks_visits else None,
            octaves=jnp.int32(0) if structure.only_tempers else None,
        )

    def scaled(self, state: State) -> Scaled:
        """Logits of the model, and the octaves that are kept apart from them."""
        return Scaled(self.structure.parameters.table(state.parameters, self.possible), state.octaves)

    def table(self, state: State) -> Table:
        """Logits of the model [context, token]."""
        return self.scaled(state).whole(self._is_tempered)

    def observed(self, state: State) -> tuple[Table, Scaled]:
        """Logits of the model at the temperature at which it is looked at; and with their scale kept apart."""
        scaled = self.scaled(state)
        if "evaluation_temperature" in self.structure.is_on:
            scaled = scaled._replace(table=self.emission.tempered(scaled.table, self.settings.evaluation_temperature))
        return scaled.whole(self._is_tempered), scaled

    def author(self, state: State) -> Author | None:
        """A model that writes texts itself, if its table does not."""
        return None

    @property
    def samples(self) -> Float[Array, ""] | None:
        """N of a refit to N samples, in the precision of the logits; None for other processes."""
        return self.settings.samples.astype(self.initial.dtype) if self.structure.is_sampled_refit else None

    @property
    def _is_tempered(self) -> Bool[Array, "context 1"]:
        """Which rows a sampling temperature applies to."""
        return jnp.asarray(self.structure.walk.sampled()[0])[:, jnp.newaxis]

    def step(self, key: bits.Key, state: State) -> State:
        """One generation: sample from the current model, add to the corpus, train. Consumes `key`."""
        source = self.emission.source(self.scaled(state).table, state.generation)
        corpus: Samples | None = None
        stored, visited = state.corpus, state.visited
        if self.structure.batches not in FRESH:
            stored, corpus = self._collect(bits.fold_in(key, 0), state, source)
            visited = seen(visited, corpus)
        state = self._reset(state)._replace(visited=visited)
        state = self._rule.step(self._training(key, state, source, corpus), state)
        return state._replace(corpus=stored, generation=state.generation + 1)

    def _reset(self, state: State) -> State:
        """Where training starts: from the current model, or from p0 where a reset is due, without moments."""
        if "reset_every" not in self.structure.is_on:
            return state
        due, new = is_due(state.generation, self.settings.reset_every), self._untrained(self.origin)
        parameters, memory = jax.tree.map(
            lambda new, old: jnp.where(due, new, old),
            (new.parameters, new.memory),
            (state.parameters, state.memory),
        )
        return state._replace(parameters=parameters, memory=memory)

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
        return self._corpus.add(state.corpus, samples, generation)

    def _training(self, key: bits.Key, state: State, source: Source, corpus: Samples | None) -> Training:
        """What there is to learn from in a generation."""
        structure, take, rest = self.structure, None, None
        if structure.rule.takes_steps:
            sources = (structure, self.settings, self.loops, self.emission, self.initial, self.original)
            take, rest = Minibatches(*sources).of(key, state.generation, source, corpus)
        return Training(**self._of_generation(state), corpus=corpus, take=take, rest=rest)

    def _of_generation(self, state: State) -> dict[str, Any]:
        """What `Training` has apart from data."""
        structure = self.structure
        return {
            "parameterisation": structure.parameters,
            "original": self.initial,
            "possible": self.possible,
            "values": self.values,
            "is_on": structure.is_on,
            "terms": structure.terms,
            "descent": self._descent(state.generation),
            "steps": self.loops.steps,
            "single_step": structure.single_step,
            "carries_memory": structure.carry_optimizer,
            "is_tempered": self._is_tempered,
        }

    @property
    def _rule(self) -> UpdateRule:
        """The update rule, with the numbers of this trajectory."""
        made: UpdateRule = bound(self.structure.rule, self.values)
        return made

    @property
    def _corpus(self) -> Corpus:
        """The corpus, with the numbers of this trajectory."""
        made: Corpus = bound(self.structure.corpus, self.values)
        return made

    def _descent(self, generation: Int32[Array, ""]) -> optax.GradientTransformation | None:
        """The optimiser of a generation, if the rule takes steps."""
        structure, values = self.structure, self.values
        if not structure.rule.takes_steps:
            return None
        if structure.schedule != "constant":
            time = generation.astype(self.initial.dtype) / self.settings.schedule_time
            factor = schedules.factor(structure.schedule, time, values)
            values = {**values, "learning_rate": self.settings.learning_rate * factor}
        return optimizers.made(structure.optimizer, values, clips="clip_norm" in structure.is_on)


def _collapsed(table: Table, share: Float[Array, ""]) -> Table:
    """Rows mixed with this share of the first of their most likely tokens."""
    mode = jax.nn.one_hot(jnp.argmax(table, axis=-1), table.shape[-1], dtype=table.dtype)
    return jnp.log((1 - share) * jax.nn.softmax(table, axis=-1) + share * mode)
