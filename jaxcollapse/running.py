"""Running a sweep, in memory or as a study folder that can be cut short, resumed, shared and extended."""

import hashlib
import logging
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from jaxcollapse.errors import InputError, printable
from jaxcollapse.execute import Result, execute, execute_on, machine_of
from jaxcollapse.execute.learning import learn
from jaxcollapse.execute.progress import reporter
from jaxcollapse.planning import Chunk, Machine, Plan, distant_machine, plan, share_of, this_machine
from jaxcollapse.planning.estimate import estimate
from jaxcollapse.planning.planner import cells_of_share
from jaxcollapse.planning.rounds import Round, next_round
from jaxcollapse.planning.share import Share
from jaxcollapse.planning.until import Asked
from jaxcollapse.store import dataset
from jaxcollapse.store.arrivals import Arrivals
from jaxcollapse.store.claims import Claims, sweep_up
from jaxcollapse.store.evidence import asked_after, shards_and_asked
from jaxcollapse.store.existing_result import make_way
from jaxcollapse.store.partition import Partition, is_agreed, partition
from jaxcollapse.store.placement import part_of
from jaxcollapse.store.study import Study
from jaxcollapse.store.writer import Writer
from jaxcollapse.sweep.stopping import Stopping
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.kernels import SAME_BITS
from jaxcollapse.system.machine import cores
from jaxcollapse.system.paths import user_path
from jaxcollapse.system.signals import Stop, heeded

_log = logging.getLogger(__name__)
_MOST_PLANNED = 20_000  # cells, which take a second to plan


def run(
    sweep: Sweep | Mapping[str, Any] | str | Path,
    directory: str | Path | None = None,
    *,
    chunk_size: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    kernel: str = SAME_BITS,
    executor: Executor | None = None,
    share: Share | str | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Computes a sweep and gives its dataset.

    Args:
        sweep: what to compute: a sweep, the keys of a sweep file as a dictionary, or the path of a sweep file.
        directory: a study folder; what it holds already is not computed again. In a text, `~` at the beginning is the
            home folder. Without a folder, all stays in memory.
        chunk_size: trajectories that are computed and stored together at most. It has no influence on results.
        devices: the devices to run on; by default all local ones. They have no influence on results, if of one kind.
        kernel: "same-bits": on GPUs native code computes the same bits as on CPUs. "fastest": there XLA computes large
            vocabularies, with which it is faster; last bits differ (docs/performance.md).
        executor: computes the chunks instead of this process, which stores them: a process pool, Dask's
            (`client.get_executor()`), or any other. Its workers need jaxcollapse, and the files that the sweep reads.
        share: "2/8" computes the third of eight equal shares only, and "slurm" the share of this task of a Slurm job
            array; other processes compute the others, in any order, into the same folder.
        progress: whether progress is shown on the standard error stream.

    Returns:
        The dataset, with the sweep's axes, `replicate` and `generation` as dimensions; opened lazily if it is on disk.

    Raises:
        InputError: the sweep cannot run here, or contradicts what the folder holds.
        MemoryError: a device has too little memory even for few trajectories.
    """
    sweep = Sweep.of(sweep)
    share = Share.parse(share) if isinstance(share, str) else share
    if executor and devices:
        raise InputError("devices", "the workers of an executor have their own devices; give executor or devices")
    machine = replace(machine_of(executor) if executor else this_machine(devices), kernel=kernel)
    if directory is not None:
        return compute(sweep, user_path(directory), machine, chunk_size, executor, share, progress).finalize()
    return _in_memory(sweep, machine, chunk_size, executor, share, progress)


def _in_memory(
    sweep: Sweep,
    machine: Machine,
    chunk_size: int | None,
    executor: Executor | None,
    share: Share | None,
    progress: bool,
) -> xr.Dataset:
    """Computes a sweep, or a share of it, and keeps everything in memory."""
    following, results, rule = None, list[Result](), sweep.stopping
    mine = cells_of_share(sweep, machine, share) if rule and share else None
    for _ in rule.rounds if rule else (sweep.replicates,):
        done = None
        if rule:
            asked = asked_after(results, sweep, rule)
            if not (following := next_round(rule, asked, mine)):
                break
            done = ~following.computes(sweep.replicates)
        todo = plan(sweep, chunk_size=chunk_size, machine=machine, done=done)
        todo = share_of(todo, share, chunk_size=chunk_size) if share and not rule else todo
        todo.check_fits()
        if following:
            _say_round(following, todo, progress)
        with heeded() as stop:
            learn(todo, stop, show=progress)
        with heeded() as stop, reporter(todo.trajectories, show=progress) as shown:
            results += _results(todo, todo.chunks, shown.advance, executor, stop)
    told = [result.provenance for result in results]
    if rule is None:
        parts = [part_of(result, sweep) for result in results]
        return dataset.assemble(sweep, todo.cells.library, parts, told)
    asked = asked_after(results, sweep, rule)
    _say_wide(asked, rule)
    fitted = sweep.with_places(int(asked.number.max()))
    parts = [part_of(result, fitted) for result in results]
    return dataset.assemble(fitted, todo.cells.library, parts, told, asked.number)


def _say_round(following: Round, todo: Plan, progress: bool) -> None:
    """Says which cells get replicates, on the standard error stream."""
    if progress and todo.chunks:
        cells = len(np.unique(np.concatenate([chunk.cells for chunk in todo.chunks])))
        told = f"{cells:,} of {len(following.cells):,} cells get {following.until:,}"
        print(f"replicates: {told}", file=sys.stderr)


def _say_wide(asked: Asked, rule: Stopping) -> None:
    """Warns of intervals that are not as narrow as a rule wants, in cells that have stopped."""
    for name, number in asked.wide.items():
        told = f"{number} of {len(asked.number)} cells stop at {rule.most} replicates, where {name} is not known within"
        unknown = asked.unknown.get(name, 0)
        why = f"; in {unknown} of them it is infinite or missing in some trajectories" if unknown else ""
        _log.warning("%s ±%g%s", told, rule.until[name], why)


def open_study(directory: str | Path) -> xr.Dataset:
    """The dataset of a study, complete or not (see its variable `status`), opened lazily.

    No file of the study gets another name, or is replaced by one that holds less.

    Args:
        directory: the study's folder.

    Raises:
        InputError: the folder is not a study.
    """
    return Study.open(directory).read()


def compute(
    sweep: Sweep,
    folder: Path,
    machine: Machine,
    chunk_size: int | None = None,
    executor: Executor | None = None,
    share: Share | None = None,
    progress: bool = True,
    announce: Callable[[Plan], None] | None = None,
) -> Study:
    """Computes what a study lacks, or a share of it. Its dataset remains to be assembled.

    What other runs compute at the same time is waited for. What this run had computed before it failed is stored.
    `announce` gets each plan before it is computed.
    """
    for _ in range(len(sweep.stopping.rounds) if sweep.stopping else 1):
        prospect = prepare(sweep, folder, machine, chunk_size, share)
        for path, reason in prospect.bad.items():
            _log.warning("%s is ignored: %s", printable(path), printable(reason))
        if prospect.round:
            _say_round(prospect.round, prospect.todo, progress)
        if announce:
            announce(prospect.todo)
        with heeded() as stop:
            learn(prospect.todo, stop, show=progress)
            _compute(prospect, executor, progress, stop)
        if prospect.round is None:
            break
    study = prospect.study.reopened()
    if rule := study.sweep.stopping:
        _say_wide(study.asked(), rule)
    return study


def _compute(prospect: "Prospect", executor: Executor | None, progress: bool, stop: Stop) -> None:
    """Computes and stores what a study lacks, until the run is to stop."""
    study, todo = prospect.study, prospect.todo
    stored, most = prospect.stored, prospect.wanted
    stop.keep(stored, most)

    def count(trajectories: int) -> None:
        nonlocal stored
        stored += trajectories
        stop.keep(stored, most)

    def advance(trajectories: int) -> None:
        writer.check()  # so that a full disk does not have to wait for the end of a chunk
        shown.advance(trajectories)

    def stored_elsewhere(trajectories: int) -> None:
        shown.advance(trajectories)
        count(trajectories)

    def store(result: Result) -> None:
        claims.store(result.chunk, partial(study.write, result))
        count(len(result.chunk))

    seconds = max((todo.seconds_of(chunk) for chunk in todo.chunks), default=0.0)
    arrivals = Arrivals(study.shard_folder, prospect.whole, prospect.seen, study.shards)
    with (
        reporter(todo.trajectories, show=progress) as shown,
        Claims(study.shard_folder, todo.chunks, arrivals.rest, stored_elsewhere, seconds) as claims,
        Writer(store) as writer,
    ):
        while claims.left:
            some = replace(todo, chunks=tuple(claims.left))
            chunks = map(study.loaded, claims.free())
            with closing(_results(some, chunks, advance, executor, stop)) as results:  # before claims are given up
                for result in results:
                    writer.add(result)
            if claims.left:
                claims.wait(stop)
                stop.check()


@dataclass(frozen=True)
class Prospect:
    """What is to be computed of a study.

    Attributes:
        study: the study.
        cut: how runs have agreed to cut it into chunks.
        whole: the plan of all these chunks.
        todo: the plan of the missing ones, or of the missing ones of a share.
        seen: files of the shards that were there.
        bad: files of the shards that do not count, and why.
        stored: number of trajectories that are there already.
        wanted: number of trajectories that there are to be, as far as is known.
        round: what is computed next where a rule says how many replicates each cell gets; None if all have decided.
    """

    study: Study
    cut: Partition
    whole: Plan
    todo: Plan
    seen: frozenset[Path]
    bad: dict[Path, str]
    stored: int
    wanted: int
    round: Round | None = None


def foresee(
    sweep: Sweep, folder: Path, machine: Machine, chunk_size: int | None = None, share: Share | None = None
) -> Prospect:
    """What is to be computed of a study, which need not be there yet; nothing is written.

    Raises:
        InputError: it cannot run, or contradicts what the folder holds.
    """
    Study.check(folder, sweep)
    study = Study(folder, sweep)
    if sweep.stopping:
        return _foresee_round(study, sweep.stopping, machine, chunk_size, share)
    shards = study.shards()
    of = study.digest(chunk_size, machine.platform, machine.kernel)
    cut = partition(study.plan_file, of, shards.names)
    done, begun = shards.held_by(cut.without), shards.begun_in(cut.without)
    whole = plan(sweep, chunk_size=chunk_size, machine=machine, done=done, begun=begun)
    todo = share_of(whole, share, chunk_size=chunk_size, done=done, begun=begun) if share else whole
    chunks = len(whole.chunks)
    if share and chunks and not todo.chunks and not cut.without:  # a study that grows may have less to do than shares
        told = f"{share} is empty, since the study has {chunks} chunk{'s' * (chunks != 1)}"
        raise InputError("share", f"{told}; use fewer shares, or a smaller --chunk-size")
    todo = todo.without(shards.done)
    todo.check_fits(folder)
    return Prospect(study, cut, whole, todo, shards.seen, shards.bad, int(shards.done.sum()), sweep.trajectories)


def _foresee_round(
    study: Study, rule: Stopping, machine: Machine, chunk_size: int | None, share: Share | None
) -> Prospect:
    """What is to be computed of a study in its next round. Its cut follows from the decisions of cells alone."""
    sweep = study.sweep
    mine = cells_of_share(sweep, machine, share) if share else None
    shards, asked = shards_and_asked(study, rule)
    following, number, begun = next_round(rule, asked, mine), sweep.replicates, [path.stem for path in shards.begun]
    computed = following.computes(number) if following else np.zeros(shards.status.shape, bool)
    which = [following.until, hashlib.sha256(following.cells.tobytes()).hexdigest()] if following else []
    of = study.digest(chunk_size, machine.platform, machine.kernel, *which)
    cut = Partition(of, tuple(sorted(begun)))
    whole = plan(sweep, chunk_size=chunk_size, machine=machine, done=~computed, begun=shards.begun_in(begun))
    whole = replace(whole, later=following.later if following else np.zeros(len(computed), int))
    todo = whole.without(shards.done)
    todo.check_fits(study.folder)
    wanted = asked.wants(number)
    stored = int((shards.done & wanted).sum())
    return Prospect(study, cut, whole, todo, shards.seen, shards.bad, stored, int(wanted.sum()), following)


def seconds_left(study: Study) -> float | None:
    """About how many seconds the rest of a study takes on this machine's CPU cores, once its programs are compiled.

    None where the study has so many cells that planning them would take long, or cannot be planned here.
    """
    if study.sweep.grid.cells > _MOST_PLANNED:
        return None
    try:
        return estimate(foresee(study.sweep, study.folder, distant_machine("cpu", 1, cores())).todo).compute
    except InputError:
        return None


def prepare(
    sweep: Sweep, folder: Path, machine: Machine, chunk_size: int | None = None, share: Share | None = None
) -> Prospect:
    """Makes or extends the study, writes its plan, and returns what is to be computed.

    If the sweep cannot run, no file is left behind.
    """
    Study.check(folder, sweep)
    with Study.changing(folder):
        sweep_up(Study(folder, sweep).shard_folder)
        found = foresee(sweep, folder, machine, chunk_size, share)
        make_way(found.bad, {chunk.id for chunk in found.todo.chunks})
        study = Study.create(folder, sweep)
        if found.todo.chunks and not is_agreed(study.plan_file, found.cut):
            study.write_plan(found.whole, found.cut)
        return replace(found, study=study)


def _results(
    todo: Plan, chunks: Iterable[Chunk], advance: Callable[[int], None], executor: Executor | None, stop: Stop
) -> Generator[Result, None, None]:
    if executor is None:
        return execute(todo, advance, chunks, stop)
    return execute_on(executor, todo, advance, chunks, stop)
