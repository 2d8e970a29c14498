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
from jaxcollapse.initial.dirichlet import Dirichlet, draw_dirichlet
from jaxcollapse.kernel import Lanes, Program, Record, trajectory_key
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.observables.snapshot import Thresholds
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.sampling import bits
from jaxcollapse.structure import Loops, Settings

MISSING, COMPLETE, DIVERGED = 0, 1, 2
STATUS_MEANINGS = "missing complete diverged"

_CHUNKS_IN_FLIGHT = 2
_INITIAL = 0xFFFFFFFF  # folded into a trajectory's key for its initial distribution; generations count from 0


@dataclass
class Result:
    """A computed chunk. series: name → [trajectory, record]; events: name → [trajectory]; status: [trajectory].

    logits: [trajectory, record, token], cut to the largest vocabulary of the chunk, if they are recorded.
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
        tile = Lanes(_settings(plan, program, cell), keys, replicate, logits)
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
    """Logits of p0 [lane, token] with probability zero beyond the vocabulary."""
    library, width = plan.cells.library, program.structure.tokens
    which = library.index[cell]
    logits = np.full((len(cell), width), -np.inf, np.dtype(program.dtype))
    for index in np.unique(which).tolist():
        spec, distribution = library.specs[index], library.distributions[index]
        mine = which == index
        if isinstance(spec, Dirichlet) and spec.is_random:
            concentration, size = np.float32(spec.concentration), np.int32(distribution.size)
            drawn = draw_dirichlet(_initial_keys(keys, replicate), concentration, size, width)
            logits[mine] = np.asarray(drawn)[mine]
        else:
            logits[mine, : distribution.size] = distribution.logits
    return logits


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
    logits = whole.logits
    if logits is not None:
        cells = pending.chunk.cells
        logits = logits[..., : int(plan.cells.library.sizes[cells].max())]
    status = np.where(whole.finite, COMPLETE, DIVERGED).astype(np.int8)
    program = plan.buckets[pending.chunk.bucket].program
    series = {name: _of_its_kind(name, whole.series[:, place]) for place, name in enumerate(program.series)}
    events = {name: whole.events[:, place] for place, name in enumerate(program.events)}
    return Result(pending.chunk, series, events, status, logits)


def _of_its_kind(name: str, values: np.ndarray) -> np.ndarray:
    return values.astype(np.int32) if OBSERVABLES[name].whole else values
