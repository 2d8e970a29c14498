"""One trajectory of self-training: sample, collect, train, again.

`SelfTraining` is a pair of pure functions, `init() → State` and `step(key, state) → State`. What decides shapes and
code paths is in `Structure` and is static; every number is in `Settings` or `Loops` and is traced, so that a sweep over
numbers compiles nothing.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int32, Num

from jaxcollapse.corpus import Corpus, Stored
from jaxcollapse.models import MODELS
from jaxcollapse.sampling import bits, truncation
from jaxcollapse.sampling.mixture import mixture
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.sampling.subset import subset
from jaxcollapse.sampling.temperature import temper
from jaxcollapse.training.gradient import cross_entropy_gradient, expected_gradient
from jaxcollapse.training.optimizers import optimizer
from jaxcollapse.training.refit import refit

Batches = Literal["generator", "corpus", "full"]
Truncation = Literal["top_k", "top_p", "min_p"]
Table = Float[Array, "context token"]
Counts = Int32[Array, "context token"]


@dataclass(frozen=True)
class Structure:
    """The static part of a process.

    tokens: width of the token axis, padding included.
    sampler: how the samples of a generation are counted; None where none are drawn (infinitely many, or minibatches
        straight from the generator).
    batches: what an optimiser step sees: "generator" (fresh traces at every step, which is what one pass over fresh
        data amounts to), "corpus" (a minibatch of the stored corpus), or "full" (the whole corpus).
    partial_refit: whether a refit keeps a part of the model as it was.
    batch_sampler: how the traces of a minibatch are counted; None for "full" and for draws without replacement.
    single_step: whether a generation is one optimiser step: without a loop, it shares its softmax with the events.
    """

    model: str
    tokens: int
    update: Literal["refit", "gradient"]
    corpus: Corpus
    infinite_samples: bool
    sampler: Method | None
    batches: Batches = "full"
    batch_sampler: Method | None = None
    optimizer: str = "sgd"
    single_step: bool = False
    carry_optimizer: bool = True
    truncations: tuple[Truncation, ...] = ()
    fresh_data: bool = False
    partial_refit: bool = False

    @property
    def is_fusible(self) -> bool:
        """Whether it is a process of which native code runs whole generations."""
        how = self.sampler or self.batch_sampler
        if how is None or not how.native or self.truncations or self.fresh_data:
            return False
        if self.update == "refit":
            return self.corpus.kind == "replace" and not self.partial_refit
        return self.optimizer == "sgd" and self.batches == "generator"

    @property
    def absorbs(self) -> bool:
        """Whether a model with one token left stays as it is for ever."""
        return self.update == "refit" and self.corpus.kind == "replace" and not self.fresh_data


class Settings(NamedTuple):
    """The numbers of a process. Counts are int32, the rest floating point; finite stand-ins where one is not used.

    batch_size: of fresh traces; to native code, which trains whole generations, 0 stands for infinitely many.
    """

    temperature: Float[Array, "..."]
    top_k: Float[Array, "..."]
    top_p: Float[Array, "..."]
    min_p: Float[Array, "..."]
    fresh_fraction: Float[Array, "..."]
    mixing: Float[Array, "..."]
    learning_rate: Float[Array, "..."]
    momentum: Float[Array, "..."]
    b1: Float[Array, "..."]
    b2: Float[Array, "..."]
    eps: Float[Array, "..."]
    weight_decay: Float[Array, "..."]
    decay: Float[Array, "..."]
    samples: Int32[Array, "..."]
    batch_size: Int32[Array, "..."]


class Loops(NamedTuple):
    """Numbers of iterations, the same for all trajectories of a device call."""

    steps: Int32[Array, ""]
    sample_blocks: Int32[Array, ""]
    batch_blocks: Int32[Array, ""]


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
    """Self-training that starts from softmax(`initial`), which also stands for the real data."""

    structure: Structure
    settings: Settings
    loops: Loops
    initial: Table

    def init(self) -> State:
        """The model at generation 0."""
        structure = self.structure
        nothing = self.initial if structure.infinite_samples else jnp.zeros(self.initial.shape, jnp.int32)
        carries_moments = structure.update == "gradient" and structure.carry_optimizer
        return State(
            logits=self.initial,
            optimizer=self._optimizer().init(self.initial) if carries_moments else None,
            corpus=None if structure.batches == "generator" else structure.corpus.empty(nothing),
            generation=jnp.int32(0),
        )

    def step(self, key: bits.Key, state: State) -> State:
        """One generation: sample from the model as it stands, add to the corpus, train. Consumes `key`."""
        source = self.generator(state.logits)
        corpus: Num[Array, "context token"] | None = None
        stored = state.corpus
        if self.structure.batches != "generator":
            stored, corpus = self._collect(bits.fold_in(key, 0), state, source)
        if self.structure.update == "refit":
            assert corpus is not None
            mixing = self.settings.mixing if self.structure.partial_refit else None
            logits, memory = refit(state.logits, self._as_logits(corpus), mixing), None
        else:
            logits, memory = self._descend(key, state, source, corpus)
        return State(logits, memory, stored, state.generation + 1)

    def generator(self, logits: Table) -> Table:
        """Logits that traces are sampled from: tempered, truncated, mixed with real data."""
        settings = self.settings
        logits = temper(logits, settings.temperature)
        for name in self.structure.truncations:
            logits = jax.vmap(getattr(truncation, name), in_axes=(0, None))(logits, getattr(settings, name))
        if self.structure.fresh_data:
            share = settings.fresh_fraction
            logits = mixture(jnp.stack([logits, self.initial]), jnp.stack([1 - share, share]))
        return logits

    def _collect(self, key: bits.Key, state: State, source: Table) -> tuple[Stored, Num[Array, "context token"]]:
        """Adds this generation's samples to the corpus: counts, or logits where there are infinitely many."""
        rule = self.structure.corpus
        if self.structure.infinite_samples:
            return rule.add_logits(state.corpus, source, state.generation)
        model, how = MODELS[self.structure.model], self.structure.sampler
        assert how is not None
        counts = model.sample(key, model.urn(source), self.settings.samples, how, self.loops.sample_blocks)
        return rule.add_counts(state.corpus, counts, state.generation)

    def _descend(
        self, key: bits.Key, state: State, source: Table, corpus: Num[Array, "context token"] | None
    ) -> tuple[Table, Any]:
        """`steps` optimiser steps; gives the logits and the optimiser's state, if it is carried."""
        structure, descent = self.structure, self._optimizer()
        memory = state.optimizer if structure.carry_optimizer else descent.init(state.logits)
        gradient, unused = self._minibatches(source, corpus)

        def step(index: Array, carry: tuple[Table, Any, Any]) -> tuple[Table, Any, Any]:
            logits, memory, unused = carry
            slope, unused = gradient(bits.fold_in(key, index + 1), logits, unused)
            updates, memory = descent.update(slope, memory, logits)
            moved = optax.apply_updates(logits, updates)
            return jnp.where(jnp.isneginf(logits), logits, moved), memory, unused

        carry = (state.logits, memory, unused)
        if structure.single_step:
            logits, memory, _ = step(jnp.int32(0), carry)
        else:
            logits, memory, _ = jax.lax.fori_loop(0, self.loops.steps, step, carry)
        return logits, memory if structure.carry_optimizer else None

    def _minibatches(self, source: Table, corpus: Num[Array, "context token"] | None) -> tuple[Any, Any]:
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
            counts = model.sample(key, urn, settings.batch_size, how, self.loops.batch_blocks)
            return cross_entropy_gradient(logits, counts.astype(logits.dtype) / size), unused

        return independent, None

    def _as_logits(self, corpus: Num[Array, "context token"]) -> Table:
        if self.structure.infinite_samples:
            return corpus
        return jnp.log(corpus.astype(self.initial.dtype))

    def _optimizer(self) -> optax.GradientTransformation:
        return optimizer(self.structure.optimizer, self.settings._asdict())
