"""What trajectories cost: time, device memory, disk.

Times are measured on x86-64 cores (`make bench`).
"""

import math
from functools import cache

import jax
import numpy as np

from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.observables.snapshot import MANY_TEXTS
from jaxcollapse.parameterisations.network import Network
from jaxcollapse.parameterisations.parameterisation import is_shape
from jaxcollapse.parts.slot import SLOTS
from jaxcollapse.process.structure import Structure
from jaxcollapse.program.kernel import Program
from jaxcollapse.sampling.multinomial import NATIVE, PORTABLE, Method, fewest_split
from jaxcollapse.sweep.sweep import Sweep

_RECORD_COPIES = 2  # what is recorded, and the scan's or native code's own copy of it
FILE_BYTES = 2**16  # of a netCDF file, beside its numbers
PROGRAM_SECONDS = 1.2  # to trace and compile a program, by which blocks of draws are chosen; at least what one takes
_FUSIBLE_SECONDS, _STEPWISE_SECONDS = 1.3, 3.0  # the same, of native code alone, and with steps by XLA
_STRUCTURED_SECONDS = 0.75  # the same, for each observable of a model of several rows
_NETWORK_SECONDS = 9.0  # the same, of steps of a network beside its observables
_FUSED_SECONDS, _PASSES_SECONDS = 0.8e-9, 3e-9  # of a token in a step, beside the draws: in native code, by XLA
_OBSERVABLE_SECONDS = 0.4e-9  # of a token in an observable
_CHUNK_SECONDS = 40.0  # of one core, aimed at
_CHUNK_BYTES = 16 * 2**20  # of which several are in memory: computed, waiting, being written
_VISIT_ARRAYS = 192  # arrays of a visit alive at once, where draws are split
_SUBSET_ARRAYS = 96  # further ones, where minibatches are subsets of a corpus
_PLACE_SECONDS, _PLACES_SECONDS = 80e-9, 100e-9  # of a place of a trace beside its draw; of a place of all at once
_REWARD_SECONDS, _NATIVE_REWARD_SECONDS = 400e-9, 4e-9  # of a trace of a group beside its draw: by XLA, native
_JUDGED_ARRAYS, _TRACE_ARRAYS = 8, 32  # further ones of [lane, token], and of [lane, trace], where traces are judged
_READ_OPERATIONS = 22e9  # of a network in a second, on one core
_READ_PLACE_SECONDS = 12e-6  # of a place of a block of traces beside these
_STATE_TABLES = 4  # in a state: parameters, moments, a corpus
_TEXT_ARRAYS = 3  # of [lane, place, token], where a text of a table is recorded
_ARRAYS = 24  # arrays of [lane, token] alive at once at most; a test compares with what the compiler says


def chunk_size(sweep: Sweep, program: Program, lanes: int, seconds: float) -> int:
    """Trajectories of about `_CHUNK_SECONDS` work, no more than fit in `_CHUNK_BYTES`, whole device calls.

    `seconds` is what one of them takes.
    """
    by_time = _CHUNK_SECONDS / seconds
    by_bytes = _CHUNK_BYTES / trajectory_bytes(sweep, program.structure.tokens, program.structure.walk.contexts)
    calls = min(by_time, by_bytes) / lanes
    return lanes * max(1, math.floor(min(calls, 1e6)))


def program_seconds(program: Program) -> float:
    """What it takes to trace and compile a program, roughly."""
    if program.structure.walk.is_structured:
        steps = _NETWORK_SECONDS if program.structure.texts else _STEPWISE_SECONDS
        return steps + _STRUCTURED_SECONDS * len(program.observables)
    return _FUSIBLE_SECONDS if program.structure.is_fusible else _STEPWISE_SECONDS


def trajectory_seconds(sweep: Sweep, program: Program, loops: tuple[int, ...], draws: np.ndarray) -> np.ndarray:
    """What trajectories that make so many draws at once, judge so many traces, or split so many rows, take on one CPU
    core, roughly.
    """
    structure = program.structure
    tokens, (steps, sample_blocks, batch_blocks, places, candidates) = structure.tokens, loops

    def drawing(how: Method | None, blocks: int) -> np.ndarray | float:
        if how is None:
            return 0.0
        if how.always_splits:
            return draws * (NATIVE if how.native else PORTABLE).splitting(tokens)
        if how.native:
            is_split = draws >= fewest_split(tokens)
            return np.where(is_split, NATIVE.splitting(tokens), draws * NATIVE.single_draw(tokens))
        return PORTABLE.splitting(tokens) if how.splits else how.block * blocks * PORTABLE.single_draw(tokens)

    if structure.texts:
        return sweep.generations * _reading(structure, loops) + _probing(sweep, program) + 1e-6 + np.zeros(len(draws))
    size = tokens * structure.walk.contexts
    passes = (_FUSED_SECONDS if structure.is_fusible else _PASSES_SECONDS) * size * max(1, steps)
    counts: np.ndarray | float
    if structure.batches == "groups":
        if structure.is_fusible:
            counts = draws * (_NATIVE_REWARD_SECONDS + NATIVE.single_draw(tokens))
        elif structure.walk.is_of_tokens:
            counts = draws * (_REWARD_SECONDS + PORTABLE.single_draw(tokens)) * structure.walk.contexts
        else:
            counts = judging(structure, draws, places, candidates) + draws * places * _REWARD_SECONDS
    elif structure.traces_at_once:
        counts = judging(structure, draws, places, candidates)
        counts *= steps if structure.batches == "generator" else 1
        if structure.batches == "corpus":
            counts += steps * PORTABLE.splitting(size)
    else:
        counts = drawing(structure.sampler, sample_blocks) + steps * drawing(structure.batch_sampler, batch_blocks)
    records = len(sweep.recorded) * len(program.observables) * _OBSERVABLE_SECONDS * size
    return sweep.generations * (passes + counts) + records + 1e-6 + np.zeros(len(draws))


def _reading(structure: Structure, loops: tuple[int, ...]) -> float:
    """What a generation of a network takes: a token is read once to be drawn, and three times to be learned."""
    steps, sample_blocks, batch_blocks, *_ = loops
    places = structure.reads[1]
    learned = steps * batch_blocks * structure.traces_at_once
    stored = sample_blocks * structure.stored_at_once
    drawn, blocks = (stored, sample_blocks) if stored else (learned, steps * batch_blocks)
    number = (1 + 3 + bool(structure.terms)) * learned if not stored else drawn + (3 + bool(structure.terms)) * learned
    return number * places * _token(structure) + blocks * places * _READ_PLACE_SECONDS


def _probing(sweep: Sweep, program: Program) -> float:
    """What it takes to look at a network at each record, and in each generation if events are watched."""
    windows, places = program.structure.reads
    looks = len(sweep.recorded) + (sweep.generations if program.events else 0)
    return looks * windows * places * _token(program.structure)


def _token(structure: Structure) -> float:
    """What it takes to read a token: two operations for each parameter."""
    assert isinstance(structure.parameters, Network)
    return 2 * structure.parameters.numbers(structure.reads[1], structure.tokens) / _READ_OPERATIONS


def judging(structure: Structure, traces: np.ndarray, places: int, candidates: int) -> np.ndarray:
    """What it takes to draw and judge so many traces one by one: each candidate, and once more the one that is kept."""
    walks = max(1, candidates) + 1
    blocks = np.ceil(traces / structure.traces_at_once)
    each = _PLACE_SECONDS + PORTABLE.single_draw(structure.tokens)
    seconds = blocks * walks * places * (_PLACES_SECONDS + structure.traces_at_once * each)
    real = structure.walk.contexts * places * PORTABLE.splitting(structure.tokens) if structure.fresh_data else 0
    return seconds + real


def trajectory_bytes(sweep: Sweep, tokens: int, contexts: int, records: int | None = None) -> int:
    """What is recorded of one trajectory of a model with such a table, its labels included.

    records: how many there is room for, by default the sweep's own number.
    """
    records = len(sweep.recorded) if records is None else records
    chosen = sweep.chosen
    events = sum(entry.is_event for entry in chosen)
    inner = sum(entry.values(contexts, len(sweep.attempts), sweep.sources) for entry in chosen if entry.dim is not None)
    per_record = len(chosen) - events + inner + (tokens * contexts if sweep.record.logits else 0)
    kept = _STATE_TABLES * tokens * contexts if sweep.record.state else 0
    texts = text_bytes(sweep, records)
    return np.dtype(sweep.precision).itemsize * (records * per_record + events + kept) + texts + 16


def text_bytes(sweep: Sweep, records: int) -> int:
    """Texts of one trajectory at so many records."""
    return np.dtype("int32").itemsize * records * sweep.record.texts * sweep.record.text_length


def record_bytes(sweep: Sweep, program: Program) -> int:
    """Device memory that holds what is recorded of one trajectory, and when; places that stay empty included."""
    structure, places = program.structure, program.places(len(sweep.recorded))
    return _RECORD_COPIES * trajectory_bytes(sweep, structure.tokens, structure.walk.contexts, places) + 4 * places


@cache
def moments_of(structure: Structure) -> int:
    """How many arrays as large as the parameters an optimiser keeps: as many as there are in its state."""
    if not structure.rule.takes_steps:
        return 0
    part = SLOTS["optimizer"][structure.optimizer]
    with jax.numpy_dtype_promotion("standard"):
        given, half = dict(structure.options), jax.ShapeDtypeStruct((), np.float32)
        fixed = {name: given[name] for name in part.arguments if name in given}
        numbers = {name: half for name in part.arguments if name not in given}
        state = jax.eval_shape(lambda traced: part.make(**traced, **fixed).init(np.zeros(2)), numbers)
    return sum(leaf.shape == (2,) for leaf in jax.tree.leaves(state))


def tile_bytes(program: Program, lanes: int) -> int:
    """Device memory of one device call, without what is recorded."""
    structure = program.structure
    moments, kept = moments_of(structure), structure.corpus.copies
    itemsize = np.dtype(program.dtype).itemsize
    samplers = [how for how in (structure.sampler, structure.batch_sampler) if how]
    arrays = _ARRAYS + 3 * moments + kept
    if structure.batches == "corpus" and structure.batch_sampler is None:
        arrays += _SUBSET_ARRAYS
    if structure.traces_at_once:
        arrays += _JUDGED_ARRAYS
    draws = _TRACE_ARRAYS * structure.traces_at_once * lanes
    if structure.rule.is_rewarded and structure.reward == "majority":  # each trace of a group beside each other one
        draws += 2 * dict(structure.options)["group_size"] * structure.traces_at_once * lanes
    draws += sum(_VISIT_ARRAYS * max(how.at_once, lanes) if how.splits else how.block * 16 * lanes for how in samplers)
    if isinstance(structure.parameters, Network):
        return itemsize * lanes * (_network_numbers(structure, moments) + _written(program))
    size, shared = structure.tokens * structure.walk.contexts, 0
    if not structure.parameters.is_free:
        shapes = jax.tree.leaves(structure.shapes, is_leaf=is_shape)
        shared = (4 + 3 * moments) * sum(math.prod(shape) for shape in shapes)
    return itemsize * (lanes * (size * arrays + shared + _written(program)) + draws)


def _network_numbers(structure: Structure, moments: int) -> int:
    """Numbers of a trajectory of a network that are in memory at once, those of its text among them."""
    assert isinstance(structure.parameters, Network)
    windows, places = structure.reads
    most = max(structure.traces_at_once, structure.stored_at_once, windows)
    of_trace = 2 * structure.parameters.kept(places) + 8 * places * structure.tokens
    parameters = structure.parameters.numbers(places, structure.tokens)
    kept = 2 + structure.corpus.copies
    return (6 + 3 * moments) * parameters + most * of_trace + kept * structure.stored_traces * places


def _written(program: Program) -> int:
    """Numbers that drawing texts takes: those recorded of a table one by one, those of a network all at once."""
    structure, (number, length) = program.structure, program.texts or (0, 0)
    if not isinstance(network := structure.parameters, Network):
        return _TEXT_ARRAYS * length * structure.tokens
    if any(OBSERVABLES[name].group == "texts" for name in program.observables):
        number, length = max(number, MANY_TEXTS), structure.reads[1]
    shapes = jax.tree.map(lambda shape: jax.ShapeDtypeStruct(shape, np.float32), structure.shapes, is_leaf=is_shape)
    memory = jax.eval_shape(lambda weights: network.memory(weights, number, length), shapes)
    return 2 * sum(leaf.size for leaf in jax.tree.leaves(memory)) + _TEXT_ARRAYS * number * structure.tokens
