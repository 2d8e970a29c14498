"""One trajectory of self-training: sample, collect, train, again.

`SelfTraining` is a pair of pure functions, `init() → State` and `step(key, state) → State`. What decides shapes and
code paths is in its `Structure` and is static; every number is in `Settings` or `Loops` and is traced, so that a sweep
over numbers compiles nothing.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int32, Num

from jaxcollapse.corpus import Stored
from jaxcollapse.models import MODELS
from jaxcollapse.sampling import bits, truncation
from jaxcollapse.sampling.mixture import mixture
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.sampling.subset import subset
from jaxcollapse.sampling.temperature import temper
from jaxcollapse.structure import Loops, Settings, Structure
from jaxcollapse.training.gradient import cross_entropy_gradient, expected_gradient
from jaxcollapse.training.optimizers import optimizer
from jaxcollapse.training.penalties import penalised
from jaxcollapse.training.refit import refit
from jaxcollapse.training.schedules import SCHEDULES

_RECORDED = 0xFFFFFFFE  # folded into a trajectory's key for its recorded real data; generations count from 0
Table = Float[Array, "context token"]
Counts = Int32[Array, "context token"]


class State(NamedTuple):
    """logits: the model. optimizer: optax state, if it is carried. corpus: what is kept of earlier generations.

    generation: how many generations the model is away from p0.
    """

    logits: Table
    optimizer: Any
    corpus: Stored
    generation: Int32[Array, ""]


@dataclass(frozen=True)
class SelfTraining:
    """Self-training that starts from softmax(`initial`). Real data are draws from softmax(`real`)."""

    structure: Structure
    settings: Settings
    loops: Loops
    initial: Table
    real: Table

    @classmethod
    def of(
        cls, structure: Structure, settings: Settings, loops: Loops, initial: Table, key: bits.Key
    ) -> "SelfTraining":
        """The process of a trajectory with this key: its real data are p0, or what it has recorded of p0."""
        real = initial
        if "real_samples" in structure.remedies:
            model, recorded = MODELS[structure.model], bits.fold_in(key, jnp.uint32(_RECORDED))
            split, traces = Method(native=False), settings.real_samples
            counts = model.sample(recorded, model.urn(initial), traces, split, jnp.int32(0))
            real = jnp.log(counts.astype(initial.dtype))
        return cls(structure, settings, loops, initial, real)

    def init(self) -> State:
        """The model at generation 0."""
        structure = self.structure
        nothing = self.initial if structure.infinite_samples else jnp.zeros(self.initial.shape, jnp.int32)
        carries_moments = structure.update == "gradient" and structure.carry_optimizer
        return State(
            logits=self.initial,
            optimizer=self._optimizer(jnp.int32(0)).init(self.initial) if carries_moments else None,
            corpus=None if structure.batches == "generator" else structure.corpus.empty(nothing),
            generation=jnp.int32(0),
        )

    def step(self, key: bits.Key, state: State) -> State:
        """One generation: sample from the model as it stands, add to the corpus, train. Consumes `key`."""
        source = self.generator(state)
        corpus: Num[Array, "context token"] | None = None
        stored = state.corpus
        if self.structure.batches != "generator":
            stored, corpus = self._collect(bits.fold_in(key, 0), state, source)
        state = self._reset(state)
        if self.structure.update == "refit":
            assert corpus is not None
            mixing = self.settings.mixing if self.structure.partial_refit else None
            logits, memory = refit(state.logits, self._as_logits(self._smoothed(corpus)), mixing), None
        else:
            logits, memory = self._descend(key, state, source, corpus)
        return State(logits, memory, stored, state.generation + 1)

    def generator(self, state: State) -> Table:
        """Logits that traces are sampled from: tempered, truncated, mixed with real data."""
        settings, remedies = self.settings, self.structure.remedies
        logits = temper(self.initial if "generator" in remedies else state.logits, settings.temperature)
        for name in self.structure.truncations:
            logits = jax.vmap(getattr(truncation, name), in_axes=(0, None))(logits, getattr(settings, name))
        if self.structure.fresh_data and not self._keeps_apart:
            share = self._fresh_share(state)
            logits = mixture(jnp.stack([logits, self.real]), jnp.stack([1 - share, share]))
        return logits

    @property
    def _keeps_apart(self) -> bool:
        """Whether real data are drawn apart from the model's samples: exactly their share of a finite number."""
        return "fresh_sampling" in self.structure.remedies and not self.structure.infinite_samples

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
        urn: Float[Array, "..."],
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
    ) -> Counts:
        """Counts of fresh traces from the generator's urn, and of real ones if they are drawn apart."""
        model = MODELS[self.structure.model]
        if not self._keeps_apart:
            return model.sample(key, urn, traces, how, blocks)
        real = jnp.round(self._fresh_share(state) * traces.astype(self.initial.dtype)).astype(jnp.int32)
        own = model.sample(bits.fold_in(key, 0), urn, traces - real, how, blocks)
        return own + model.sample(bits.fold_in(key, 1), model.urn(self.real), real, how, blocks)

    def _reset(self, state: State) -> State:
        """Where training starts: from the model as it stands, or from p0 where a reset is due, without moments."""
        if "reset_every" not in self.structure.remedies:
            return state
        due, new = _is_due(state, self.settings.reset_every), self.init()
        logits, memory = jax.tree.map(
            lambda new, old: jnp.where(due, new, old), (new.logits, new.optimizer), (state.logits, state.optimizer)
        )
        return state._replace(logits=logits, optimizer=memory)

    def _smoothed(self, corpus: Num[Array, "context token"]) -> Num[Array, "context token"]:
        """Counts with so many more of each token that p0 has."""
        if "smoothing" not in self.structure.remedies:
            return corpus
        possible = self.initial > -jnp.inf
        return corpus.astype(self.initial.dtype) + jnp.where(possible, self.settings.smoothing, 0)

    def _collect(self, key: bits.Key, state: State, source: Table) -> tuple[Stored, Num[Array, "context token"]]:
        """Adds this generation's samples to the corpus: counts, or logits where there are infinitely many."""
        rule = self.structure.corpus
        if self.structure.infinite_samples:
            return rule.add_logits(state.corpus, source, state.generation)
        urn, how = MODELS[self.structure.model].urn(source), self.structure.sampler
        assert how is not None
        counts = self._sample(key, state, urn, self.settings.samples, how, self.loops.sample_blocks)
        return rule.add_counts(state.corpus, counts, state.generation)

    def _descend(
        self, key: bits.Key, state: State, source: Table, corpus: Num[Array, "context token"] | None
    ) -> tuple[Table, Any]:
        """`steps` optimiser steps; gives the logits and the optimiser's state, if it is carried."""
        structure, descent = self.structure, self._optimizer(state.generation)
        memory = state.optimizer if structure.carry_optimizer else descent.init(state.logits)
        gradient, unused = self._minibatches(state, source, corpus)

        def step(index: Array, carry: tuple[Table, Any, Any]) -> tuple[Table, Any, Any]:
            logits, memory, unused = carry
            slope, unused = gradient(bits.fold_in(key, index + 1), logits, unused)
            slope = penalised(slope, logits, self.initial, self.settings._asdict(), structure.remedies)
            updates, memory = descent.update(slope, memory, logits)
            moved = optax.apply_updates(logits, updates)
            return jnp.where(jnp.isneginf(logits), logits, moved), memory, unused

        carry = (state.logits, memory, unused)
        if structure.single_step:
            logits, memory, _ = step(jnp.int32(0), carry)
        else:
            logits, memory, _ = jax.lax.fori_loop(0, self.loops.steps, step, carry)
        return logits, memory if structure.carry_optimizer else None

    def _minibatches(self, state: State, source: Table, corpus: Num[Array, "context token"] | None) -> tuple[Any, Any]:
        """A function (key, logits, unused) → (gradient, unused), and what of the corpus is unused at first."""
        structure, settings = self.structure, self.settings
        size = settings.batch_size.astype(source.dtype)

        if structure.batches == "full":
            assert corpus is not None
            if structure.infinite_samples:
                return lambda key, logits, unused: (expected_gradient(logits, corpus), unused), None
            frequencies = corpus.astype(source.dtype) / jnp.sum(corpus, dtype=jnp.int32).astype(source.dtype)
            return lambda key, logits, unused: (cross_entropy_gradient(logits, frequencies), unused), None

        if structure.batch_sampler is None:
            assert corpus is not None
            everything = corpus

            def without_replacement(key: bits.Key, logits: Table, unused: Counts) -> tuple[Table, Counts]:
                unused = jnp.where(jnp.sum(unused, dtype=jnp.int32) < settings.batch_size, everything, unused)
                counts = subset(key, unused.reshape(-1), settings.batch_size, logits.dtype).reshape(unused.shape)
                return cross_entropy_gradient(logits, counts.astype(logits.dtype) / size), unused - counts

            return without_replacement, everything

        model, how = MODELS[structure.model], structure.batch_sampler
        urn = model.urn(source if corpus is None else self._as_logits(corpus))

        def independent(key: bits.Key, logits: Table, unused: None) -> tuple[Table, None]:
            if corpus is None:
                counts = self._sample(key, state, urn, settings.batch_size, how, self.loops.batch_blocks)
            else:
                counts = model.sample(key, urn, settings.batch_size, how, self.loops.batch_blocks)
            return cross_entropy_gradient(logits, counts.astype(logits.dtype) / size), unused

        return independent, None

    def _as_logits(self, corpus: Num[Array, "context token"]) -> Table:
        if self.structure.infinite_samples:
            return corpus
        return jnp.log(corpus.astype(self.initial.dtype))

    def _optimizer(self, generation: Int32[Array, ""]) -> optax.GradientTransformation:
        structure, settings = self.structure, self.settings._asdict()
        if structure.schedule != "constant":
            time = generation.astype(self.initial.dtype) / self.settings.schedule_time
            settings["learning_rate"] = self.settings.learning_rate * SCHEDULES[structure.schedule](time)
        return optimizer(structure.optimizer, settings, clips="clip_norm" in structure.remedies)


def _is_due(state: State, every: Int32[Array, ""]) -> Bool[Array, ""]:
    """Whether the generation to come is the `every`th, the twice `every`th and so on, counted from 1."""
    return (state.generation + 1) % every == 0
