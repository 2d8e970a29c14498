"""Running a sweep, in memory or as a study folder that can be cut short, resumed and extended."""

import logging
from collections.abc import Sequence
from pathlib import Path

import jax
import xarray as xr

from jaxcollapse.execute import Result, execute
from jaxcollapse.planning import Plan, plan
from jaxcollapse.progress import reporter
from jaxcollapse.store import dataset
from jaxcollapse.store.placement import part_of
from jaxcollapse.store.provenance import now, provenance
from jaxcollapse.store.study import Study
from jaxcollapse.store.writer import Writer
from jaxcollapse.sweep.sweep import Sweep

_log = logging.getLogger(__name__)


def run(
    sweep: Sweep,
    directory: str | Path | None = None,
    *,
    chunk_size: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Computes a sweep and gives its dataset.

    Args:
        sweep: what to compute.
        directory: a study folder; what it holds already is not computed again. Without one, all stays in memory.
        chunk_size: trajectories that are computed and stored together at most. It has no influence on results.
        devices: the devices to run on; by default all local ones. They have no influence on results, if of one kind.
        progress: whether progress is shown on the standard error stream.

    Returns:
        The dataset, with the sweep's axes, `replicate` and `generation` as dimensions; opened lazily if it is on disk.

    Raises:
        InputError: the sweep cannot run here, or contradicts what the folder holds.
    """
    if directory is None:
        return _run_in_memory(sweep, plan(sweep, chunk_size=chunk_size, devices=devices), progress)
    folder = Path(directory)
    shards = Study(folder, sweep).shards()
    todo = plan(sweep, chunk_size=chunk_size, devices=devices, done=shards.done)
    todo.check_fits(folder)  # before anything is written, so that what cannot run leaves no trace
    study = Study.create(folder, sweep)
    for path, reason in shards.bad.items():
        _log.warning("%s does not count: %s", path, reason)
    if todo.chunks:
        study.write_plan(todo)
    _compute(study, todo, progress)
    return study.finalize()


def open_study(directory: str | Path) -> xr.Dataset:
    """The dataset of a study, complete or not (see its variable `status`), opened lazily.

    Raises:
        InputError: the folder is not a study.
    """
    return Study.open(directory).finalize()


def _compute(study: Study, todo: Plan, progress: bool) -> None:
    """Computes what is to do and stores each chunk while the next ones are being computed."""
    started = now()

    def store(result: Result) -> None:
        study.write(result, provenance(started, todo.sweep.precision))

    def advance(trajectories: int) -> None:
        writer.check()  # so that a full disk does not have to wait for the end of a chunk
        shown.advance(trajectories)

    with reporter(todo.trajectories, show=progress) as shown, Writer(store) as writer:
        for result in execute(todo, advance):
            writer.add(result)


def _run_in_memory(sweep: Sweep, todo: Plan, progress: bool) -> xr.Dataset:
    todo.check_fits()
    started = now()
    with reporter(todo.trajectories, show=progress) as shown:
        parts = [part_of(result, sweep.replicates) for result in execute(todo, shown.advance)]
    return dataset.assemble(sweep, todo.cells.library, parts, [provenance(started, sweep.precision)])
