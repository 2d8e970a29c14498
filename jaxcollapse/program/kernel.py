"""The compiled program of a bucket: generations scanned, trajectories vmapped, lanes sharded over devices.

One device call runs a *tile* of trajectories through all generations. The width of a tile on one device follows from
the padded vocabulary and the platform alone, never from how many trajectories there are: a compiler may sum in another
order for another shape, a last bit flips a sample, and a sample flips everything after it. Narrow tiles are filled up
with copies of their first trajectory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32, Key, UInt32

from jaxcollapse.observables import OBSERVABLES, Observable
from jaxcollapse.observables.series import in_order, known, measured
from jaxcollapse.observables.snapshot import ATTEMPTS, Snapshot, SweepThresholds, origin
from jaxcollapse.parts.code_table import check_entry, check_part
from jaxcollapse.parts.slot import SLOTS, Part
from jaxcollapse.process.self_training import Process
from jaxcollapse.process.sequences import Reading, SequenceProcess
from jaxcollapse.process.structure import Loops, Settings, Structure
from jaxcollapse.program.divergence import diverged
from jaxcollapse.program.native_path import advance, can_run
from jaxcollapse.program.record_loop import over_records
from jaxcollapse.program.state_words import packed, unpacked
from jaxcollapse.sampling import bits
from jaxcollapse.system.jit_on_disk import jit_on_disk
from jaxcollapse.training.updates.rule import State
from jaxcollapse.walks.persona import Persona

Carry = tuple[State, dict[str, Array]]
# Folded into a trajectory's key for its initial distribution, and for texts to look at; `process.emission` has what is
# folded in between them, `process.hardness` what is below, and generations count from 0.
_INITIAL, _TEXTS = 0xFFFFFFFF, 0xFFFFFFFC
_RECORDED_TEXTS = 0xFFFFFFFA  # the same, for texts that are stored
NOT_YET = -1  # an event that has not happened
_ELEMENTS = {"cpu": 2**17, "gpu": 2**24, "tpu": 2**22}  # lanes × tokens of a tile on one device
_NETWORK_ELEMENTS = {"cpu": 2**17, "gpu": 2**30, "tpu": 2**28}  # the same of networks: on CPUs one fills the caches
_NATIVE_ELEMENTS = 2**25  # the same, where native code of a GPU runs whole generations
_FEWEST_ELEMENTS = 2**13  # with fewer, XLA compiles other arithmetic for CPUs
_FEWEST_PLACES = 16  # for records, where these are small
_MOST_LANES = {"cpu": 2**9, "gpu": 2**17, "tpu": 2**15}


@dataclass(frozen=True)
class Program:
    """What a compiled program depends on.

    Attributes:
        structure: the static part of the process.
        observables: names of the observables, in the registry's order.
        record_logits: whether logits are recorded.
        dtype: floating-point type.
        measures_natively: whether native code measures the observables that it knows.
        keeps_state: whether the program returns the last state of each trajectory.
        state_words: number of words of the state that trajectories continue from; 0 if they begin at generation 0.
        parts: names of the observables that plug-ins have added, with digests.
        plugins: names of the parts of the process that plug-ins have added, with digests.
        attempts: the k of pass@k; the default where it is not measured.
        texts: number of texts that are recorded, and of tokens of each; None if none are.
    """

    structure: Structure
    observables: tuple[str, ...]
    record_logits: bool
    dtype: str
    measures_natively: bool
    keeps_state: bool = False
    state_words: int = 0
    parts: tuple[tuple[str, str], ...] = ()
    plugins: tuple[tuple[str, str], ...] = ()
    attempts: tuple[int, ...] = ATTEMPTS
    texts: tuple[int, int] | None = None

    @property
    def own(self) -> tuple[Observable | Part, ...]:
        """What plug-ins have added to it. A process that registers one again has another program."""
        return (
            *(OBSERVABLES[name] for name, _ in self.parts),
            *(part for part in self.structure.parts if part.plugin),
        )

    def check_own_code(self) -> None:
        """Raises `InputError` if it would run code from outside of the package, which its name does not identify."""
        for name in self.observables:
            check_entry("observables", OBSERVABLES, name)
        structure = self.structure
        for slot, name in structure.chosen.items():
            check_entry(f"process.{slot}", SLOTS[slot], name)
        for name in structure.terms:
            check_entry("process", SLOTS["loss_term"], name)
        classes: dict[str, Any] = {"model": structure.walk, "parameters": structure.parameters}
        for slot, part in {**classes, "corpus": structure.corpus, "update": structure.rule}.items():
            if type(part) is not SLOTS[slot][part.part].make:
                check_part(f"process.{slot}", part)

    @property
    def series(self) -> list[str]:
        """Names of what is recorded, in the order of `Recorded.series`."""
        chosen = [OBSERVABLES[name] for name in self.observables if not OBSERVABLES[name].is_event]
        return in_order(chosen)

    @property
    def sizes(self) -> list[int]:
        """How many numbers of each of them there are in a record."""
        walk = self.structure.walk
        personas = walk.personas if isinstance(walk, Persona) else 0
        numbers = personas, len(self.attempts), len(self.structure.texts)
        return [OBSERVABLES[name].values(*numbers) for name in self.series]

    @property
    def recognises(self) -> bool:
        """Whether it finds out which of the learned texts a text is like."""
        return any(OBSERVABLES[name].dim == "source" for name in self.observables)

    @property
    def events(self) -> list[str]:
        """Names of the events, in the order of `Recorded.events`."""
        return [name for name in self.observables if OBSERVABLES[name].is_event]

    @property
    def outputs(self) -> "Recorded":
        """What a tile gives back, with names for arrays."""
        logits, state = "logits" if self.record_logits else None, "state" if self.keeps_state else None
        named: tuple[Any, ...] = ("series", "events", logits, "finite", state, "texts" if self.texts else None)
        return Recorded(*named)

    @property
    def is_native(self) -> bool:
        """Whether native code runs whole generations, where it measures."""
        return self.measures_natively and can_run(self.structure, [OBSERVABLES[name] for name in self.events])

    def width(self, platform: str) -> int:
        """Trajectories of a tile on one device: a power of two that follows from the vocabulary and the platform.

        Of other widths some lanes would be left over from whole vectors, and compiled to other arithmetic.
        """
        most = _MOST_LANES.get(platform, _MOST_LANES["gpu"])
        known = _NETWORK_ELEMENTS if self.structure.texts else _ELEMENTS
        elements = known.get(platform, known["gpu"])
        if platform == "gpu" and self.is_native:
            elements = _NATIVE_ELEMENTS
        return 1 << max(1, min(most, elements // self.structure.elements)).bit_length() - 1

    def places(self, records: int) -> int:
        """Places for so many records in a tile: one of few numbers, so that few programs are compiled.

        A multiple of an eighth of the power of two below, so that logits and texts take at most an eighth more memory;
        without these also a multiple of 16, since what else there is in a record takes little.
        """
        fewest = 1 if self.record_logits or self.texts else _FEWEST_PLACES
        step = max(fewest, 2 ** (max(records - 1, 1).bit_length() - 4))
        return -(-records // step) * step

    def fewest(self, platform: str) -> int:
        """Trajectories of a tile where memory is short: fewer would be compiled to other arithmetic."""
        return min(self.width(platform), max(1, _FEWEST_ELEMENTS // self.structure.elements))


class Lanes(NamedTuple):
    """The trajectories of a tile.

    Attributes:
        settings: numbers of their processes.
        key: typed keys of their cells.
        replicate: their replicate numbers.
        logits: tables of p0 as they are given.
        parameters: parameters fitted to these tables; None for free tables.
        rows: fields with a number for each token, or for each token of each row, by name.
        state: state that each continues from; None if they begin at generation 0.
    """

    settings: Settings
    key: Key[Array, "*lane"]
    replicate: UInt32[Array, "*lane"]
    logits: Float[Array, "*lane context token"]
    parameters: Any = None
    rows: Mapping[str, Float[Array, "..."]] = MappingProxyType({})
    state: UInt32[Array, "*lane word"] | None = None


class Recorded(NamedTuple):
    """What a program returns for a tile.

    There are few arrays with many numbers each: to hand over a small array takes longer than to fill it.

    Attributes:
        series: values of `Program.series`, whole numbers included, each as many as `Program.sizes` says.
        events: times of `Program.events`; `NOT_YET` if an event is censored.
        logits: logits of the model; None if they are not recorded.
        finite: whether the trajectory has not diverged.
        state: state to continue from, with times of events; None if it is not kept.
        texts: numbers of the tokens of recorded texts, −1 after their end; None if there are none.
    """

    series: Float[Array, "*lane series record"]
    events: Int32[Array, "*lane event"]
    logits: Float[Array, "*lane record context token"] | None
    finite: Array
    state: UInt32[Array, "*lane word"] | None = None
    texts: Int32[Array, "*lane record sample place"] | None = None


def run_trajectory(
    program: Program,
    lanes: Lanes,
    loops: Loops,
    gaps: Int32[Array, " record"],
    thresholds: SweepThresholds,
    reading: Reading | None = None,
) -> Recorded:
    """One trajectory. `gaps` are the generations between records; the first is 0, for generation 0 itself, unless the
    trajectory goes on from a state: then it leads from there to the next record. Gaps of 0 at the end are places that
    are not records: what comes back for them means nothing.
    """
    key, structure, settings = trajectory_key(lanes.key, lanes.replicate), program.structure, lanes.settings
    process = process_of(structure, settings, loops, lanes, reading, key)
    start = origin(
        process.initial,
        process.given,
        thresholds,
        structure.walk,
        settings.traces,
        process.samples,
        process.emission.correct,
    )
    series = [OBSERVABLES[name] for name in program.series]
    events = [OBSERVABLES[name] for name in program.events]
    is_fused = can_run(structure, events)
    fused_series = known(series) if is_fused else []
    others = [entry for entry in series if entry.name not in fused_series]

    def snapshot(state: State) -> Snapshot:
        texts = bits.fold_in(bits.fold_in(key, jnp.uint32(_TEXTS)), state.generation)
        table, scaled = process.observed(state)
        model = table, start, thresholds, structure.walk, settings.traces
        rewarded = partial(process.emission.rewarded, process.scaled(state).table)
        judged = structure.correct_trace, rewarded, program.attempts
        return Snapshot(*model, texts, state.visited, scaled, *judged, process.author(state))

    def written(state: State) -> Array | None:
        """The texts that are recorded of a model."""
        if program.texts is None:
            return None
        own = bits.fold_in(bits.fold_in(key, jnp.uint32(_RECORDED_TEXTS)), state.generation)
        return snapshot(state).one_by_one(own, *program.texts)

    def generation(_: Array, carry: Carry) -> Carry:
        state, times = carry
        times = _watch(events, times, snapshot(state), state.generation)
        return process.step(bits.fold_in(key, state.generation), state), times

    def goes_on(state: State, end: Array) -> Array:
        """Whether there is a generation left that may change something."""
        return (state.generation < end) & (jnp.sum(state.parameters > -jnp.inf, dtype=jnp.int32) > 1)

    def generations(carry: Carry, gap: Array) -> Carry:
        state, times = carry
        end = state.generation + gap
        if structure.absorbs:
            state, times = jax.lax.while_loop(lambda carry: goes_on(carry[0], end), partial(generation, end), carry)
        else:
            state, times = jax.lax.fori_loop(0, gap, generation, carry)
        return state._replace(generation=end), _watch(events, times, snapshot(state), state.generation)

    def fused(carry: Carry, gaps: Array) -> tuple[Carry, Array]:
        state, times, values = advance(process, key, carry[0], gaps, start, thresholds, events, carry[1], fused_series)
        return (state, times), values

    def segment(carry: Carry, gap: Array) -> tuple[Carry, tuple[Array, Array | None, Array | None]]:
        values = [jnp.zeros(0, process.initial.dtype)]  # nothing but events may be asked for
        if is_fused:
            carry, found = fused(carry, gap[jnp.newaxis])
            values.append(found[:, 0])
        else:
            carry = generations(carry, gap)
        if others:
            values.append(measured(others, snapshot(carry[0]), natively=program.measures_natively))
        logits = process.table(carry[0]) if program.record_logits else None
        return carry, (jnp.concatenate(values), logits, written(carry[0]))

    carry: Carry = process.init(), {entry.name: jnp.int32(NOT_YET) for entry in events}
    if lanes.state is not None:
        carry = _restored(lanes.state, carry)
    logits: Array | None = None
    texts: Array | None = None
    if is_fused and not others and not program.record_logits:  # then from start to end, in one call
        (state, times), values = fused(carry, gaps)
    else:
        row = jax.ShapeDtypeStruct((sum(program.sizes),), process.initial.dtype)
        table = jax.ShapeDtypeStruct(process.initial.shape, process.initial.dtype) if program.record_logits else None
        text = None if program.texts is None else jax.ShapeDtypeStruct(program.texts, jnp.int32)
        (state, times), (rows, logits, texts) = over_records(segment, carry, gaps, (row, table, text))
        values = rows.T
    finite = ~diverged(structure, settings, process.initial, process.scaled(state).table)
    happened = jnp.stack([times[entry.name] for entry in events]) if events else jnp.zeros(0, jnp.int32)
    kept = packed(_in_store((state, times))) if program.keeps_state else None
    return Recorded(values, happened, logits, finite, kept, texts)


def process_of(
    structure: Structure,
    settings: Settings,
    loops: Loops,
    lanes: Lanes,
    reading: Reading | None,
    key: bits.Key,
) -> Process:
    """The process of one lane with this key: of a network if there is a text to read, else of a table."""
    given = lanes.logits, lanes.parameters, lanes.rows
    if reading is not None:
        return SequenceProcess.of_text(structure, settings, loops, *given, reading, key)
    return Process.of(structure, settings, loops, *given, key)


def _in_store(carry: Carry) -> tuple[State, dict[str, Array], Array | None]:
    """The order in which a state is stored: octaves last."""
    state, times = carry
    return state._replace(octaves=None), times, state.octaves


def _restored(words: UInt32[Array, " word"], like: Carry) -> Carry:
    """What was stored; of studies of before 2026-12, which kept no scale apart, too."""
    state, times, octaves = stored = _in_store(like)
    if octaves is not None and len(words) < len(packed(stored)):
        state, times = unpacked(words, (state, times))
    else:
        state, times, octaves = unpacked(words, stored)
    return state._replace(octaves=octaves), times


def trajectory_key(cell: Key[Array, ""], replicate: UInt32[Array, ""]) -> bits.Key:
    """The raw key of a trajectory: its cell's, with the replicate number folded in."""
    return bits.fold_in(jax.random.key_data(cell), replicate)


@jit_on_disk
def initial_keys(cell: Key[Array, " lane"], replicate: UInt32[Array, " lane"]) -> Array:
    """Raw keys [lane, 2] of the initial distributions of trajectories."""
    own = jax.vmap(trajectory_key)(cell, replicate)
    return jax.vmap(bits.fold_in, in_axes=(0, None))(own, jnp.uint32(_INITIAL))


def _watch(
    events: Sequence[Observable], times: dict[str, Array], now: Snapshot, generation: Int32[Array, ""]
) -> dict[str, Array]:
    return {
        entry.name: jnp.where((times[entry.name] == NOT_YET) & entry.measure(now), generation, times[entry.name])
        for entry in events
    }


def jitted(program: Program) -> "jax.stages.Wrapped":
    """The jitted program: (Lanes, Loops, gaps, SweepThresholds) → Recorded, for `program.width(platform)` lanes."""
    return jax.jit(jax.vmap(partial(run_trajectory, program), in_axes=(0, None, None, None, None)))
