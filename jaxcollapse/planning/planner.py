"""Makes plans: cells into buckets that share a program, and those into chunks."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.native import may_train, trains
from jaxcollapse.planning import cost
from jaxcollapse.planning.cells import resolve
from jaxcollapse.planning.chunk import Beginning, Begun, Chunk
from jaxcollapse.planning.order import coarse_first
from jaxcollapse.planning.plan import Bucket, Plan
from jaxcollapse.planning.rounds import dealt, first_round
from jaxcollapse.planning.share import Share
from jaxcollapse.program.compiling import check_traceable
from jaxcollapse.sweep.designs import is_sequence
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.machine import Machine, this_machine

_log = logging.getLogger(__name__)


def plan(
    sweep: Sweep | Mapping[str, Any] | str | Path,
    *,
    chunk_size: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    machine: Machine | None = None,
    kernel: str | None = None,
    done: np.ndarray | None = None,
    begun: Sequence[Begun] = (),
) -> Plan:
    """Plans a sweep.

    Args:
        sweep: what is to be computed: a sweep, the keys of a sweep file as a dictionary, or the path of a sweep file.
        chunk_size: trajectories of a chunk at most; by default about 20 seconds' work. It has no influence on results.
        devices: the devices to run on; by default all local ones. They have no influence on results.
        machine: another one than this process's, to run on.
        kernel: "same-bits": on GPUs native code computes the same bits as on CPUs. "fastest": there XLA computes large
            vocabularies, with which it is faster; last bits differ. By default the machine's, "same-bits".
        done: boolean [cell, replicate], trajectories that need not be computed. By default none; with a rule for
            replicates, those after its first round.
        begun: trajectories that go on from an earlier generation.

    Raises:
        InputError: an initial distribution cannot be had.
    """
    sweep, machine = Sweep.of(sweep), machine or this_machine(devices)
    machine, later = replace(machine, kernel=kernel) if kernel else machine, None
    if sweep.stopping and done is None:
        first = first_round(sweep.stopping, sweep.grid.cells)
        done, later = ~first.computes(sweep.replicates), first.later
    made = _planned(sweep, machine, chunk_size, done, begun, trains(machine.platform, sweep.precision))
    if made.warning:
        _log.warning("%s", made.warning)
    return replace(made, later=later)


def cells_of_share(sweep: Sweep, machine: Machine, share: Share) -> np.ndarray:
    """The cells of a share, boolean [cell]: the same on machines with native code and without.

    Raises:
        InputError: there are more shares than cells.
    """
    nothing = np.ones((sweep.grid.cells, sweep.replicates), bool)
    return dealt(_planned(sweep, machine, None, nothing, (), True), share)


def share_of(
    whole: Plan,
    share: Share,
    *,
    chunk_size: int | None = None,
    done: np.ndarray | None = None,
    begun: Sequence[Begun] = (),
) -> Plan:
    """A share of a plan: the same trajectories on machines with native code and without, which have other programs.

    Args:
        whole: the plan.
        share: which one.
        chunk_size, done, begun: what the plan was made with.
    """
    sweep, machine = whole.sweep, whole.machine
    if trains(machine.platform, sweep.precision) == may_train(machine.platform, sweep.precision):
        return whole.share(share.index, share.count)
    dealt = _planned(sweep, machine, chunk_size, done, begun, True).share(share.index, share.count)
    return _planned(sweep, machine, chunk_size, ~dealt.covered, begun, False)


def _planned(
    sweep: Sweep,
    machine: Machine,
    chunk_size: int | None,
    done: np.ndarray | None,
    begun: Sequence[Begun],
    natively: bool,
) -> Plan:
    """A plan for a machine with native code, or without."""
    cells = resolve(sweep, machine.platform, natively, machine.kernel)
    buckets = []
    for index, program in enumerate(cells.programs):
        program.check_own_code()
        check_traceable(program)
        lanes = program.width(machine.platform)
        members = np.flatnonzero(cells.program == index)
        record = lanes * cost.record_bytes(sweep, program)
        buckets.append(Bucket(program, members, lanes, cost.tile_bytes(program, lanes) + record, record))
    whole = Plan(sweep, machine, cells, tuple(buckets), ())
    _check_distinct(sweep, whole.identities)
    if begun:
        done = np.zeros((sweep.grid.cells, sweep.replicates), bool) if done is None else done.copy()
    rank = _ranks(sweep)
    chunks = [chunk for each in begun if done is not None for chunk in _going_on(whole, each, done)]
    chunks += [chunk for index in range(len(buckets)) for chunk in _chunks(whole, index, rank, done, chunk_size)]
    return replace(whole, chunks=tuple(sorted(chunks, key=lambda chunk: int(rank[chunk.cells].min()))))


def _ranks(sweep: Sweep) -> np.ndarray:
    """For each cell a number that is the lower, the earlier it is computed."""
    places = np.unravel_index(sweep.grid.first_places, sweep.shape) if sweep.dims else ()
    return coarse_first(places, sweep.shape, [is_sequence(sweep.axes.get(axis.name)) for axis in sweep.grid.axes])


def _check_distinct(sweep: Sweep, identities: np.ndarray) -> None:
    """Raises if two cells are the same process, so that one number would mean two places."""
    order = np.argsort(identities, kind="stable")
    twins = np.flatnonzero(identities[order][1:] == identities[order][:-1])
    if len(twins):
        cells = (sweep.grid.cell(int(cell)) for cell in order[twins[0] : twins[0] + 2])
        told = (", ".join(f"{field} = {label(value)}" for field, value in cell.items()) for cell in cells)
        raise InputError("axes", f"{' and '.join(told)} are the same process (files are compared by content); keep one")


def _going_on(plan: Plan, begun: Begun, done: np.ndarray) -> Iterator[Chunk]:
    """The chunks in which these trajectories go on, but for those that are `done`, among which they then are."""
    places = np.flatnonzero(~done[begun.cells, begun.replicates])
    done[begun.cells[places], begun.replicates[places]] = True
    kinds = np.column_stack([plan.cells.program, plan.cells.loops])[begun.cells[places]]
    for kind in np.unique(kinds, axis=0):
        some = places[(kinds == kind).all(axis=1)]
        cells, replicates = begun.cells[some], begun.replicates[some]
        beginning = Beginning(begun.shard, begun.generation, some)
        name, (bucket, *loops) = plan.name(cells, replicates), kind.tolist()
        yield Chunk(name, bucket, tuple(loops), cells, replicates, beginning)


def _chunks(plan: Plan, index: int, rank: np.ndarray, done: np.ndarray | None, chunk_size: int | None) -> list[Chunk]:
    sweep, cells, bucket, chunks = plan.sweep, plan.cells, plan.buckets[index], list[Chunk]()
    loops, which = np.unique(cells.loops[bucket.cells], axis=0, return_inverse=True)
    for place, counts in enumerate(loops.tolist()):
        members = bucket.cells[which.reshape(-1) == place]
        seconds = plan.cell_seconds[members]
        members = members[np.lexsort((-seconds, rank[members]))]  # of one rank, the longest go first
        cell = np.repeat(members.astype(np.int32), sweep.replicates)  # four bytes: there may be very many
        replicate = np.tile(np.arange(sweep.replicates, dtype=np.int32), len(members))
        if done is not None:
            missing = ~done[members].reshape(-1)
            cell, replicate = cell[missing], replicate[missing]
        size = chunk_size or cost.chunk_size(sweep, bucket.program, bucket.lanes, float(seconds.mean()))
        for start in range(0, len(cell), size):
            part = start + np.lexsort((replicate[start : start + size], cell[start : start + size]))  # read in one go
            name = plan.name(cell[part], replicate[part])
            chunks.append(Chunk(name, index, tuple(counts), cell[part], replicate[part]))
    return chunks
