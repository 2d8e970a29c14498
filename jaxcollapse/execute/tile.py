"""One device call: what its trajectories start from, and what the program records of them."""

from typing import Any

import jax
import numpy as np

from jaxcollapse.distributions.dirichlet import Dirichlet, draw_dirichlet, row_keys
from jaxcollapse.distributions.recognition import log_likelihoods
from jaxcollapse.observables.snapshot import SweepThresholds
from jaxcollapse.parameterisations.parameterisation import is_shape
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.process.sequences import Reading
from jaxcollapse.process.structure import Loops, Settings, Structure
from jaxcollapse.program.kernel import Lanes, Program, Recorded, initial_keys
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.system.jax_settings import arithmetic


def run_tile(
    plan: Plan, chunk: Chunk, part: slice, lanes: int, call: jax.stages.Compiled, device: jax.Device
) -> Recorded:
    """Computes some trajectories of a chunk, no more than the `lanes` that the program was compiled for."""
    program, sweep = plan.program(chunk), plan.sweep
    cell, own = chunk.cells[part], chunk.replicates[part]
    used = len(cell)
    filled = np.pad(np.arange(used), (0, lanes - used))  # with the first of them
    cell = cell[filled]
    replicate: Any = own[filled].astype(np.uint32)
    state: Any = chunk.state
    state = None if state is None else state[part][filled]
    # Programs take NumPy's arrays as they are; to put each on the device first would take longer than many a tile.
    with arithmetic(program.dtype), jax.default_device(device):
        tile = lanes_of(plan, program, cell, cell_keys(plan.streams[cell]), replicate)._replace(state=state)
        loops = Loops(*np.array(chunk.loops, np.int32))
        thresholds = SweepThresholds(*np.array([sweep.support_threshold, sweep.collapse_threshold], program.dtype))
        gaps = plan.gaps(chunk)
        padded = np.pad(gaps, (0, plan.places(chunk) - len(gaps)))
        reading = reading_of(plan, program, cell, recognises=program.recognises)
        record: Recorded = jax.device_get(call(tile, loops, padded, thresholds, reading))
    logits, texts = (None if each is None else each[:, : len(gaps)] for each in (record.logits, record.texts))
    cut = record._replace(series=record.series[:, :, : len(gaps)], logits=logits, texts=texts)
    return jax.tree.map(lambda array: array[:used], cut)


def lanes_of(plan: Plan, program: Program, cell: np.ndarray, keys: jax.Array, replicate: Any) -> Lanes:
    """What trajectories of these cells and replicates start from, at generation 0."""
    logits = _initial_logits(plan, program, cell, keys, replicate)
    fitted = _initial_parameters(plan, program, cell)
    return Lanes(_settings(plan, program, cell), keys, replicate, logits, fitted, _rows(plan, program, cell))


def _settings(plan: Plan, program: Program, cell: np.ndarray) -> Settings:
    def chosen(values: np.ndarray) -> Any:
        return values[cell].astype(np.int32 if np.issubdtype(values.dtype, np.integer) else program.dtype)

    names = (*program.structure.numbers, *program.structure.counts)
    return Settings({name: chosen(plan.cells.settings[name]) for name in names})


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
    concentration, own = np.float32(spec.concentration), initial_keys(keys, replicate)
    if not structure.walk.is_structured:
        return np.asarray(draw_dirichlet(own, concentration, np.int32(size), padded=structure.tokens))[:, np.newaxis]
    flat = row_keys(own, number=number).reshape(-1, 2)
    drawn = np.asarray(draw_dirichlet(flat, concentration, np.int32(size), padded=structure.tokens))
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

    shapes = structure.shapes
    return jax.tree.map(stacked, shapes, *fitted, is_leaf=is_shape)


def reading_of(plan: Plan, program: Program, cell: np.ndarray, *, recognises: bool) -> Reading | None:
    """The text that the networks of these cells read, all of them the same; None if they are tables.

    recognises: whether texts are to be compared with it.
    """
    if not program.structure.texts:
        return None
    library = plan.cells.library
    text = library.entries[library.index[cell[0]]].given.text
    assert text is not None
    likelihoods: Any = None
    if recognises:
        likelihoods = log_likelihoods(text, program.structure.tokens).astype(program.dtype)
    return Reading(text.train, text.held_out_windows(*program.structure.reads), likelihoods)


def _rows(plan: Plan, program: Program, cell: np.ndarray) -> dict[str, Any]:
    """Fields with a number for each token, sets of tokens among them, [lane, token] or [lane, context, token].

    They are 0 beyond the vocabulary.
    """
    structure = program.structure
    one: tuple[int, ...] = (structure.tokens,)
    shapes = dict.fromkeys(structure.rows, one) | dict.fromkeys(structure.tables, (structure.walk.contexts, *one))
    return {name: _row(plan, program, cell, name, shape) for name, shape in shapes.items()}


def _row(plan: Plan, program: Program, cell: np.ndarray, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """One such field. What a set is depends on the tokens of p0, too."""
    column, library = plan.sweep.grid.column(name), plan.cells.library
    is_set, is_read = fields()[name].kind == "set", program.structure.correct == "file"
    codes, entries = column.codes[cell], library.index[cell] if is_set else np.zeros(len(cell), np.int32)
    pairs, lane = np.unique(np.stack([codes, entries], axis=1), axis=0, return_inverse=True)
    tables = np.zeros((len(pairs), *shape), np.dtype(program.dtype))
    for table, (code, entry) in zip(tables, pairs.tolist(), strict=True):
        if is_set:
            numbers = library.entries[entry].sets(None if is_read else column.values[code], name)
        else:
            numbers = np.asarray(column.values[code] or ())[: shape[-1]]
        table[(..., *map(slice, numbers.shape))] = numbers
    return tables[lane.reshape(-1)]


def cell_keys(streams: np.ndarray) -> jax.Array:
    """Typed keys [lane] of the cells' 64 bits."""
    words: Any = np.stack([streams >> np.uint64(32), streams & np.uint64(0xFFFFFFFF)], axis=-1).astype(np.uint32)
    return jax.random.wrap_key_data(words, impl="threefry2x32")
