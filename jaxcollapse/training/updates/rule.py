"""What update rules are given, and what they do: K steps of an optimiser, unless they say otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.errors import InputError
from jaxcollapse.parameterisations.parameterisation import Parameterisation
from jaxcollapse.training.batch import Batch, Table
from jaxcollapse.training.corpora.corpus import Samples, Stored, Visited
from jaxcollapse.training.loss_terms import with_terms

Rest = Any  # what of a corpus is unused so far
Carry = tuple[Any, Any, Rest, Visited | None]
Take = Callable[[Array, Table, Rest], tuple[Batch, Rest]]
Slope = Callable[[Batch], Table]


class State(NamedTuple):
    """A model at a generation.

    Attributes:
        parameters: of the model; for a free table the table of logits itself.
        memory: what the update rule carries to the next generation, such as an optax state; None if it carries nothing.
        corpus: what is kept of earlier generations.
        generation: number of generations since p0.
        visited: the rows that traces have been drawn from so far, [context]; None if they are not recorded.
        octaves: the logits lie 2^octaves times as deep as those of the table; None if no such factor is kept apart.
    """

    parameters: Any
    memory: Any
    corpus: Stored
    generation: Int32[Array, ""]
    visited: Visited | None
    octaves: Int32[Array, ""] | None


@dataclass(frozen=True)
class Training:
    """What a model can learn from in a generation.

    Attributes:
        parameterisation: the map from parameters to the table of logits.
        original: the table of logits of p0, [context, token].
        possible: the tokens that p0 has, [context, token].
        values: the fields of the process, by name.
        is_on: names of the fields that are switched on.
        terms: names of the terms of the loss.
        corpus: all samples to train on; None if each step draws its own.
        take: the function that gives the minibatch of a step, (step, logits, rest) → (batch, rest).
        rest: the value of `rest` that `take` gets at the first step.
        descent: the optimiser; None if the rule takes no steps.
        steps: number of optimiser steps.
        single_step: whether the number of steps is known to be one when the program is compiled.
        carries_memory: whether the optimiser's state is carried to the next generation.
        is_tempered: the rows that a sampling temperature applies to, [context, 1].
    """

    parameterisation: Parameterisation
    original: Table
    possible: Bool[Array, "context token"]
    values: Mapping[str, Any]
    is_on: tuple[str, ...]
    terms: tuple[str, ...]
    corpus: Samples | None
    take: Take | None
    rest: Rest
    descent: optax.GradientTransformation | None
    steps: Int32[Array, ""]
    single_step: bool
    carries_memory: bool
    is_tempered: Bool[Array, "context 1"]

    def forward(self, parameters: Any) -> tuple[Table, Callable[[Table], Any]]:
        """The table of logits, and a function for the chain rule.

        The function takes a gradient with respect to the table, and returns one with respect to the parameters.
        """
        return self.parameterisation.forward(parameters, self.possible)

    @property
    def first(self) -> Rest:
        """What is unused before the first step."""
        return self.rest

    def gradient(
        self, parameters: Any, index: Array, rest: Rest, slope: Slope
    ) -> tuple[Any, Rest, Float[Array, " context"] | None]:
        """The gradient of the loss of a step with respect to the parameters.

        Args:
            parameters: of the model.
            index: number of the step.
            rest: what is unused so far.
            slope: the gradient of the loss of a minibatch with respect to its logits.

        Returns:
            The gradient, what is unused then, and the share of each row in the tokens of the minibatch; None if rows
            are other ones in each step.
        """
        assert self.take is not None
        logits, pull_back = self.forward(parameters)
        batch, rest = self.take(index, logits, rest)
        return pull_back(slope(batch)), rest, batch.shares


class UpdateRule:
    """How a model learns from the samples of a generation: a frozen dataclass, whose fields are fields of the process.

    A rule that takes steps of an optimiser has a method `gradient`; then minibatches, optimisers, schedules and terms
    of the loss are those of the process. A rule that does not has a method `step`, and trains on the whole corpus.

    Attributes:
        part: the value of the field `update` that chooses the rule.
        takes_steps: whether the rule takes steps of an optimiser.
        is_rewarded: whether it learns from groups of traces with rewards, in the place of a corpus; true of subclasses
            of `PolicyGradient` alone.
    """

    part: ClassVar[str]
    takes_steps: ClassVar[bool] = True
    is_rewarded: ClassVar[bool] = False

    def gradient(self, batch: Batch) -> Float[Array, "context token"]:
        """The gradient of the loss of a minibatch with respect to `batch.logits`, [context, token]."""
        raise NotImplementedError(f"update = {self.part!r} has no method 'gradient'")

    def init(self, parameters: Any, descent: optax.GradientTransformation | None) -> Any:
        """The memory of the rule before the first generation: by default, the optimiser's state."""
        return None if descent is None else descent.init(parameters)

    def step(self, now: Training, state: State) -> State:
        """One generation: a state with other `parameters`, and `memory`. Here: K steps of the optimiser."""
        descent = now.descent
        assert descent is not None
        memory = state.memory if now.carries_memory else self.init(state.parameters, descent)

        def slope(batch: Batch) -> Table:
            found = self.gradient(batch)
            if found.shape != batch.logits.shape:
                told = f"{self.part!r}: the gradient has the shape {found.shape}; the logits have {batch.logits.shape}"
                raise InputError("process.update", told)
            return with_terms(found, batch, now.values, now.terms)

        def step(index: Array, carry: Carry) -> Carry:
            parameters, memory, rest, visited = carry
            gradient, rest, shares = now.gradient(parameters, index, rest, slope)
            if now.corpus is None and visited is not None and shares is not None:
                visited = visited | (shares > 0)
            updates, memory = descent.update(gradient, memory, parameters)
            moved = optax.apply_updates(parameters, updates)
            moved = jax.tree.map(lambda old, new: jnp.where(jnp.isneginf(old), old, new), parameters, moved)
            return moved, memory, rest, visited

        start = (state.parameters, memory, now.first, state.visited)
        carry = step(jnp.int32(0), start) if now.single_step else jax.lax.fori_loop(0, now.steps, step, start)
        parameters, memory, _, visited = carry
        memory = memory if now.carries_memory else None
        return state._replace(parameters=parameters, memory=memory, visited=visited)
