"""One trajectory by hand: `jaxcollapse.SelfTraining`, a pair of pure functions `init` and `step`."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.distributions.dirichlet import Dirichlet
from jaxcollapse.errors import InputError
from jaxcollapse.execute.tile import cell_keys, lanes_of, reading_of
from jaxcollapse.native import trains
from jaxcollapse.observables.snapshot import ATTEMPTS, Snapshot, SweepThresholds, origin
from jaxcollapse.planning import Plan, this_machine
from jaxcollapse.planning.cells import resolve
from jaxcollapse.process import self_training
from jaxcollapse.process.structure import Loops
from jaxcollapse.program.divergence import diverged
from jaxcollapse.program.kernel import process_of
from jaxcollapse.sampling import bits
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.jax_settings import arithmetic
from jaxcollapse.training.updates import rule


class TrajectoryState(NamedTuple):
    """A trajectory at a generation: all that the next generation depends on.

    Attributes:
        key: two words of threefry, from which the draws that belong to all generations follow.
        model: the model's parameters, the optimiser's state and the corpus.
    """

    key: bits.Key
    model: rule.State


class Info(NamedTuple):
    """The result of one generation.

    Attributes:
        generation: number of generations since p0.
        logits: logits of the model, [token], or [context, token] if it has several rows; −∞ for tokens that died out.
        is_finite: whether all numbers have stayed within the range of floating point.
    """

    generation: Int32[Array, ""]
    logits: Float[Array, "*context token"]
    is_finite: Bool[Array, ""]


class SelfTraining:
    """A process of self-training, one generation at a time: `init(key)`, then `step(key, state)` again and again.

    Both are pure, and work under `jit`, `vmap` and `scan`. A run of a sweep does the same, with keys of its own: the
    trajectory's key for `init`, and for each generation `fold_in` of that and the generation's number.

    Args:
        precision: "float32" or "float64".
        **process: the fields of `[process]` in a sweep file, such as vocab_size, temperature and batch_size.

    Raises:
        InputError: a field is unknown, has no effect, or has a value that is not allowed.
    """

    def __init__(self, *, precision: str = "float32", **process: Any):
        sweep = Sweep.from_dict({"replicates": 1, "generations": 1, "precision": precision, "process": process})
        machine = this_machine()
        cells = resolve(sweep, machine.platform, trains(machine.platform, precision))
        if cells.programs[0].structure.batches == "generator" and cells.settings["batch_size"][0] == 0:
            cells = resolve(sweep, machine.platform, False)  # to native code alone 0 stands for infinitely many
        made = Plan(sweep, machine, cells, (), ())
        (self._program,) = cells.programs
        self._program.check_own_code()
        entry = cells.library.entries[cells.library.index[0]]
        if isinstance(entry.spec, Dirichlet) and entry.spec.is_random:
            raise InputError("initial", "is drawn for each trajectory; draw it first, and give it as an array")
        self._tokens = entry.table.shape[-1]
        with arithmetic(precision):
            lanes = lanes_of(made, self._program, np.zeros(1, int), cell_keys(made.streams[:1]), np.zeros(1, np.uint32))
            self._reading = reading_of(made, self._program, np.zeros(1, int), recognises=True)
            self._one = jax.tree.map(lambda array: np.asarray(array)[0], lanes._replace(key=lanes.replicate))
            self._loops = Loops(*cells.loops[0])
            self._thresholds = SweepThresholds(
                *np.array([sweep.support_threshold, sweep.collapse_threshold], precision)
            )
        self._sweep = sweep

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._sweep.process.items())
        return f"SelfTraining({fields})"

    def init(self, key: jax.Array) -> TrajectoryState:
        """The original model, at generation 0.

        Args:
            key: a typed key, or two words of threefry.
        """
        words = bits.as_words(key)
        return TrajectoryState(words, self._process(words).init())

    def step(self, key: jax.Array, state: TrajectoryState) -> tuple[TrajectoryState, Info]:
        """One generation: samples from the model, and trains it on the samples.

        Args:
            key: a typed key, or two words of threefry.
            state: the model at the generation before.
        """
        process = self._process(state.key)
        model = process.step(bits.as_words(key), state.model)
        structure, settings = process.structure, process.settings
        finite = ~diverged(structure, settings, process.initial, process.scaled(model).table)
        return TrajectoryState(state.key, model), Info(model.generation, self._seen(process.table(model)), finite)

    def logits(self, state: TrajectoryState) -> Array:
        """Logits of the model, as `Info` has them."""
        return self._seen(self._process(state.key).table(state.model))

    def measure(self, state: TrajectoryState, *observables: str) -> dict[str, Array]:
        """The values of observables, by name.

        Args:
            state: the model that is measured.
            *observables: names of observables.

        Raises:
            InputError: there is no such observable, or it is an event, which is of a whole trajectory.
        """
        chosen = Sweep.from_dict({**self._sweep.to_dict(), "observables": list(observables)}).chosen
        for entry in chosen:
            if entry.is_event:
                raise InputError(
                    "observables", f"{entry.name!r} is the time of an event, which a single state does not have"
                )
        process = self._process(state.key)
        table, scaled = process.observed(state.model)
        walk, traces = process.structure.walk, process.settings.traces
        thresholds = jax.tree.map(jnp.asarray, self._thresholds)
        emission = process.emission
        start = origin(process.initial, process.given, thresholds, walk, traces, process.samples, emission.correct)
        rewarded = partial(emission.rewarded, process.scaled(state.model).table)
        seen = state.key, state.model.visited, scaled, process.structure.correct_trace, rewarded, ATTEMPTS
        now = Snapshot(table, start, thresholds, walk, traces, *seen, process.author(state.model))
        return {entry.name: entry.measure(now) for entry in chosen}

    def _process(self, key: bits.Key) -> self_training.Process:
        one, loops, reading = jax.tree.map(jnp.asarray, (self._one, self._loops, self._reading))
        return process_of(self._program.structure, one.settings, loops, one, reading, key)

    def _seen(self, table: Float[Array, "context token"]) -> Array:
        """The table without padding, and without the dimension of contexts if there is a single row."""
        table = table[:, : self._tokens]
        return table if self._program.structure.walk.is_structured else table[0]
