"""What has been computed of a chunk."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jax
import numpy as np

from jaxcollapse.execute.provenance import provenance
from jaxcollapse.observables import Observable
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.planning.library import Library
from jaxcollapse.program.kernel import NOT_YET, Recorded
from jaxcollapse.sweep.sweep import Sweep

MISSING, COMPLETE, DIVERGED = 0, 1, 2
NO_TOKEN = -1  # of a text that has ended, or does not exist
STATUS_MEANINGS = "missing complete diverged"


@dataclass
class Result:
    """A computed chunk.

    Attributes:
        chunk: the trajectories.
        series: each observable, [trajectory, record, …], by name; and `text` if texts are recorded.
        events: the time of each event, [trajectory], by name.
        status: [trajectory].
        provenance: of the process that computed it.
        logits: [trajectory, record, token], cut to the largest vocabulary of the chunk; if a model has several rows,
            [trajectory, record, context, token] with all contexts of the sweep. None if they are not recorded.
        state: [trajectory, word]; None if it is not kept.
    """

    chunk: Chunk
    series: dict[str, np.ndarray]
    events: dict[str, np.ndarray]
    status: np.ndarray
    provenance: dict[str, Any]
    logits: np.ndarray | None = None
    state: np.ndarray | None = None


def collect(plan: Plan, chunk: Chunk, tiles: list[Recorded], started: datetime) -> Result:
    """The result of a chunk from those of its device calls, in order. started: when the run did."""
    whole: Any = jax.tree.map(lambda *parts: np.concatenate(parts), *tiles)
    status = np.where(whole.finite, COMPLETE, DIVERGED).astype(np.int8)
    program, library, sweep = plan.buckets[chunk.bucket].program, plan.cells.library, plan.sweep
    cells, trajectories, records = chunk.cells, len(status), len(plan.gaps(chunk))
    logits = whole.logits
    if logits is not None:
        logits = logits[..., : int(library.sizes[cells].max())]
        if sweep.is_structured:
            logits = padded(logits, 2, int(library.contexts.max()))
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
            shape = (trajectories, records, *inner_shape(entry, sweep, library))
            series[entry.name] = np.full(shape, NOT_YET if entry.whole else np.nan, whole.series.dtype)
        elif entry.dim is None:
            series[entry.name] = parts[entry.name][:, 0]
        else:
            (most,) = inner_shape(entry, sweep, library)
            series[entry.name] = padded(np.moveaxis(parts[entry.name], 1, 2), 2, most)
        if entry.whole:
            series[entry.name] = series[entry.name].astype(np.int32)
    if sweep.record.texts:
        shape = (trajectories, records, sweep.record.texts, sweep.record.text_length)
        series["text"] = np.full(shape, NO_TOKEN, np.int32) if whole.texts is None else whole.texts
    events = {name: whole.events[:, place] for place, name in enumerate(program.events)}
    entries = (library.entries[index] for index in np.unique(library.index[chunk.cells]).tolist())
    networks = {name: found for entry in entries for name, found in entry.network.items()}
    told = provenance(started, sweep.precision, plan.machine.devices, sweep.needed, plan.machine.kernel, networks)
    return Result(chunk, series, events, status, told, logits, whole.state)


def inner_shape(entry: Observable, sweep: Sweep, library: Library) -> tuple[int, ...]:
    """How many values an observable has at a record, if it has several: as many as any cell's."""
    personas = int(library.contexts.max()) - 1
    return () if entry.dim is None else (entry.values(personas, len(sweep.attempts), sweep.sources),)


def padded(values: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Made this long along an axis, with NaN or `NO_TOKEN`; or cut to it, beyond which there is only padding."""
    values = values.take(range(min(size, values.shape[axis])), axis)
    missing = [(0, size - values.shape[axis] if place == axis else 0) for place in range(values.ndim)]
    return np.pad(values, missing, constant_values=absent(values.dtype))


def absent(dtype: np.dtype) -> float:
    """What is where nothing was computed: NaN, or in texts `NO_TOKEN`."""
    return np.nan if np.issubdtype(dtype, np.floating) else NO_TOKEN
