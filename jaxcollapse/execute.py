"""Running chunks on this machine's devices: tiles go to a few threads, results come back in order.

Each device call is one tile. All calls of a bucket on one kind of device run the same machine code, whatever their
number: with several devices each compiles the program for itself, because a program partitioned over devices would not
be the same program, and its last bits not the same bits.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcollapse.compiling import AHEAD, compiling, precision
from jaxcollapse.initial.dirichlet import Dirichlet, draw_dirichlet, row_keys
from jaxcollapse.kernel import NOT_YET, Lanes, Program, Record, trajectory_key
from jaxcollapse.observables import Observable
from jaxcollapse.observables.snapshot import Thresholds
from jaxcollapse.parameters.parameterisation import is_shape
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.planning.library import Library
from jaxcollapse.sampling import bits
from jaxcollapse.structure import Loops, Settings, Structure

MISSING, COMPLETE, DIVERGED = 0, 1, 2
STATUS_MEANINGS = "missing complete diverged"

_CHUNKS_IN_FLIGHT = 2
_INITIAL = 0xFFFFFFFF  # folded into a trajectory's key for its initial distribution; generations count from 0


@dataclass
class Result:
    """A computed chunk. series: name → [trajectory, record, …]; events: name → [trajectory]; status: [trajectory].

    logits: if they are recorded, [trajectory, record, token], cut to the largest vocabulary of the chunk; with all
    contexts of the sweep before the token if a model has several.
    """

    chunk: Chunk
    series: dict[str, np.ndarray]
    events: dict[str, np.ndarray]
    status: np.ndarray
    logits: np.ndarray | None = None


@dataclass
class _Pending:
    chunk: Chunk
    tiles: list["Future[Record]"] = field(default_factory=list)


def execute(plan: Plan, advance: Callable[[int], None]) -> Iterator[Result]:
    """Computes the chunks of a plan, in order. `advance` is told how many trajectories have been finished.

    A chunk is handed over while the next one is being computed, and programs are compiled ahead of their use.
    """
    machine, streams = plan.machine, plan.sweep.streams()
    gaps = np.diff(plan.sweep.recorded, prepend=0).astype(np.int32)
    records = len(gaps)
    programs = dict.fromkeys((plan.buckets[chunk.bucket].program, device) for chunk, _, device in _tiles(plan))
    to_compile, used = iter(programs), set[tuple[Program, jax.Device]]()
    for program, device in islice(to_compile, AHEAD):
        compiling(program, device, records)
    pending: deque[_Pending] = deque()
    with ThreadPoolExecutor(machine.workers * len(machine.devices)) as pool:
        try:
            for chunk, part, device in _tiles(plan):
                if part.start == 0:
                    if len(pending) > _CHUNKS_IN_FLIGHT:
                        yield _collect(plan, pending.popleft())
                    pending.append(_Pending(chunk))
                program = plan.buckets[chunk.bucket].program
                if (program, device) not in used:
                    used.add((program, device))
                    for following in islice(to_compile, 1):
                        compiling(*following, records)
                call = compiling(program, device, records).result()
                pending[-1].tiles.append(
                    pool.submit(_run_tile, plan, chunk, part, streams, gaps, call, device, advance)
                )
            while pending:
                yield _collect(plan, pending.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _tiles(plan: Plan) -> Iterator[tuple[Chunk, slice, jax.Device]]:
    """Every device call: its trajectories in their chunk, and where it runs."""
    devices = cycle(plan.machine.devices)
    for chunk in plan.chunks:
        lanes = plan.buckets[chunk.bucket].lanes
        for start in range(0, len(chunk), lanes):
            yield chunk, slice(start, start + lanes), next(devices)


def _run_tile(
    plan: Plan,
    chunk: Chunk,
    part: slice,
    streams: np.ndarray,
    gaps: np.ndarray,
    call: jax.stages.Compiled,
    device: jax.Device,
    advance: Callable[[int], None],
) -> Record:
    program, lanes = plan.buckets[chunk.bucket].program, plan.buckets[chunk.bucket].lanes
    cell, own = chunk.cells[part], chunk.replicates[part]
    used = len(cell)
    cell = np.concatenate([cell, np.full(lanes - used, cell[0])])
    replicate: Any = np.concatenate([own, np.full(lanes - used, own[0])]).astype(np.uint32)
    # Programs take NumPy's arrays as they are; to put each on the device first would take longer than many a tile.
    with precision(program), jax.default_device(device):
        keys = cell_keys(streams[cell])
        logits = _initial_logits(plan, program, cell, keys, replicate)
        fitted = _initial_parameters(plan, program, cell)
        tile = Lanes(_settings(plan, program, cell), keys, replicate, logits, fitted, _scores(plan, program, cell))
        loops = Loops(*np.array(chunk.loops, np.int32))
        sweep = plan.sweep
        thresholds = Thresholds(*np.array([sweep.support_threshold, sweep.collapse_threshold], program.dtype))
        record = jax.device_get(call(tile, loops, gaps, thresholds))
    advance(used)
    return jax.tree.map(lambda array: array[:used], record)


def _settings(plan: Plan, program: Program, cell: np.ndarray) -> Settings:
    def chosen(values: np.ndarray) -> Any:
        return values[cell].astype(np.int32 if np.issubdtype(values.dtype, np.integer) else program.dtype)

    return Settings(**{name: chosen(values) for name, values in plan.cells.settings.items()})


def _initial_logits(plan: Plan, program: Program, cell: np.ndarray, keys: jax.Array, replicate: np.ndarray) -> Any:
    """Tables of p0 [lane, context, token]; tokens beyond the vocabulary are impossible.

    Rows beyond those of the model, which no trace visits, have one token.
    """
    library, structure = plan.cells.library, program.structure
    which = library.index[cell]
    shape = (len(cell), structure.walk.contexts, structure.tokens)
    logits = np.full(shape, -np.inf, np.dtype(program.dtype))
    for index in np.unique(which).tolist():
        entry = library.entries[index]
        mine = which == index
        rows, width = entry.table.shape
        logits[mine, :rows, :width] = entry.table
        logits[mine, rows:, 0] = 0
        if isinstance(entry.spec, Dirichlet) and entry.spec.is_random:
            drawn = _drawn(entry.spec, len(entry.given.logits), entry.given.size, structure, keys, replicate)
            logits[mine, rows - drawn.shape[1] : rows] = drawn[mine]
    return logits


def _drawn(
    spec: Dirichlet, number: int, size: int, structure: Structure, keys: jax.Array, replicate: np.ndarray
) -> np.ndarray:
    """Rows [lane, row, token] that trajectories draw for themselves: one, or of a structured model all at the end."""
    concentration, own = np.float32(spec.concentration), _initial_keys(keys, replicate)
    if not structure.walk.is_structured:
        return np.asarray(draw_dirichlet(own, concentration, np.int32(size), structure.tokens))[:, np.newaxis]
    flat = row_keys(own, number).reshape(-1, 2)
    drawn = np.asarray(draw_dirichlet(flat, concentration, np.int32(size), structure.tokens))
    return drawn.reshape(len(replicate), number, -1)


def _initial_parameters(plan: Plan, program: Program, cell: np.ndarray) -> Any:
    """Parameters [lane, …] that were fitted to the tables of p0, made as large as the program's; None if free."""
    library, structure = plan.cells.library, program.structure
    if structure.parameters.is_free:
        return None
    lengths = plan.cells.settings["trace_length"][cell]
    which, index = np.unique(np.stack([library.index[cell], lengths], axis=1), axis=0, return_inverse=True)
    fitted = [library.fitted(entry, structure.parameters, structure.walk, length) for entry, length in which.tolist()]

    def stacked(shape: tuple[int, ...], *each: np.ndarray) -> np.ndarray:
        whole = np.zeros((len(each), *shape), np.dtype(program.dtype))
        for place, values in zip(whole, each, strict=True):
            place[tuple(slice(size) for size in values.shape)] = values
        return whole[index.reshape(-1)]

    shapes = structure.parameters.shapes(structure.walk.contexts, structure.tokens)
    return jax.tree.map(stacked, shapes, *fitted, is_leaf=is_shape)


def _scores(plan: Plan, program: Program, cell: np.ndarray) -> Any:
    """Scores [lane, token], 0 beyond the vocabulary; None if samples are not chosen by them."""
    if program.structure.reward != "score":
        return None
    column = plan.sweep.grid.column("scores")
    tables = np.zeros((len(column.values), program.structure.tokens), np.dtype(program.dtype))
    for row, scores in zip(tables, column.values, strict=True):
        row[: len(scores or ())] = (scores or ())[: len(row)]
    return tables[column.codes[cell]]


def cell_keys(streams: np.ndarray) -> jax.Array:
    """Typed keys [lane] of the cells' 64 bits."""
    words: Any = np.stack([streams >> np.uint64(32), streams & np.uint64(0xFFFFFFFF)], axis=-1).astype(np.uint32)
    return jax.random.wrap_key_data(words, impl="threefry2x32")


@jax.jit
def _initial_keys(keys: jax.Array, replicate: jax.Array) -> jax.Array:
    """Raw keys [lane, 2] of the initial distributions of trajectories."""
    own = jax.vmap(trajectory_key)(keys, replicate)
    return jax.vmap(bits.fold_in, in_axes=(0, None))(own, jnp.uint32(_INITIAL))


def _collect(plan: Plan, pending: _Pending) -> Result:
    tiles = [tile.result() for tile in pending.tiles]
    whole: Any = jax.tree.map(lambda *parts: np.concatenate(parts), *tiles)
    status = np.where(whole.finite, COMPLETE, DIVERGED).astype(np.int8)
    program, library, sweep = plan.buckets[pending.chunk.bucket].program, plan.cells.library, plan.sweep
    cells, trajectories, records = pending.chunk.cells, len(status), len(sweep.recorded)
    logits = whole.logits
    if logits is not None:
        logits = logits[..., : int(library.sizes[cells].max())]
        if sweep.is_structured:
            logits = _padded(logits, 2, int(library.contexts.max()))
            beyond = np.arange(logits.shape[2]) >= library.contexts[cells][:, np.newaxis]
            np.copyto(logits, np.nan, where=beyond[:, np.newaxis, :, np.newaxis])
        else:
            logits = logits[:, :, 0]
    parts = dict(
        zip(program.series, np.split(whole.series, np.cumsum(program.sizes, dtype=int), axis=1)[:-1], strict=True)
    )
    series: dict[str, np.ndarray] = {}
    for entry in sweep.chosen:
        if entry.is_event:
            continue
        if entry.name not in parts:  # a model that does not have it
            shape = (trajectories, records, *inner_shape(entry, library))
            series[entry.name] = np.full(shape, NOT_YET if entry.whole else np.nan, whole.series.dtype)
        elif entry.dim is None:
            series[entry.name] = parts[entry.name][:, 0]
        else:
            (most,) = inner_shape(entry, library)
            series[entry.name] = _padded(np.moveaxis(parts[entry.name], 1, 2), 2, most)
        if entry.whole:
            series[entry.name] = series[entry.name].astype(np.int32)
    events = {name: whole.events[:, place] for place, name in enumerate(program.events)}
    return Result(pending.chunk, series, events, status, logits)


def inner_shape(entry: Observable, library: Library) -> tuple[int, ...]:
    """How many values an observable has at a record, if it has several: as many as any cell's."""
    return (int(library.contexts.max()) - 1,) if entry.dim == "persona" else ()


def _padded(values: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Made this long along an axis, with NaN; or cut to it, beyond which there is only padding."""
    values = values.take(range(min(size, values.shape[axis])), axis)
    missing = [(0, size - values.shape[axis] if place == axis else 0) for place in range(values.ndim)]
    return np.pad(values, missing, constant_values=np.nan)
