"""Refinement: a study gets cells where neighbours disagree, round by round, until a boundary is known to a width."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.boundary import LOST, VERDICT, curve_of
from jaxcollapse.analysis.refinement import Lacking, Refined, extended, lacking, refined_axes
from jaxcollapse.analysis.status import has_status
from jaxcollapse.analysis.summary import BOUNDS
from jaxcollapse.analysis.verdict import Thresholds
from jaxcollapse.errors import InputError
from jaxcollapse.execute import machine_of
from jaxcollapse.planning import Machine, Plan, this_machine
from jaxcollapse.planning.display import as_seconds
from jaxcollapse.planning.estimate import estimate
from jaxcollapse.planning.share import Share
from jaxcollapse.running import compute
from jaxcollapse.store.study import Study
from jaxcollapse.sweep.display import count
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.paths import user_path

_FEWEST = 6  # replicates of which some interval of 95 % is on one side of a half, or of a median


@dataclass(frozen=True)
class Sought:
    """What boundary is sought; see `analysis.boundary`.

    Attributes:
        of: "verdict", an observable, or an event.
        level: what is crossed; by default one half for shares.
        verdict: the verdicts whose share is meant.
        statistic: "mean" or "median" of an observable.
    """

    of: str = VERDICT
    level: float | None = None
    verdict: str | Sequence[str] = LOST
    statistic: str = "mean"

    def above(self, data: xr.Dataset) -> xr.DataArray:
        """For each place of a dataset 1 if its cell is above the level, 0 if it is below, NaN if that is not known."""
        return self.sides(data)[0]

    def sides(self, data: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
        """Which cells are `above` the level, and whether that is sure: whether their intervals are on that side, too.

        Of fewer than six replicates no interval can say so, and the estimates are taken as they are.

        Raises:
            InputError: the dataset does not have what is sought.
        """
        try:
            thresholds = Thresholds.of(data) if self.of == VERDICT else Thresholds()
            curve = curve_of(data, self.of, self.level, self.verdict, self.statistic, None, 0.95, thresholds)
        except ValueError as error:
            raise InputError("of", str(error)) from None
        estimate, low, high = (curve.values.sel(bound=bound, drop=True).load() for bound in BOUNDS)
        above = xr.where(estimate.notnull(), (estimate > curve.level).astype(float), np.nan)
        is_few = has_status(data, "complete").sum("replicate").load() < _FEWEST
        return above, is_few | ~((low <= curve.level) & (high >= curve.level))


def refine(
    study: str | Path,
    to: Mapping[str, str | float],
    of: str = VERDICT,
    level: float | None = None,
    verdict: str | Sequence[str] = LOST,
    statistic: str = "mean",
    *,
    rounds: int | None = None,
    chunk_size: int | None = None,
    executor: Executor | None = None,
    share: Share | str | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Adds cells to a study where neighbours disagree, until a boundary is known to a width, and gives its dataset.

    Each round halves the boxes of the grid whose corners are on different sides of the boundary. A round is a normal
    extension of the study: its sweep file gets `[[grid]]` tables of single points, and only new cells are computed. A
    refinement that was stopped goes on if it is called again. Simultaneous calls share the work of each round. Boxes
    none of whose cells is sure to be on its side are left, since only more replicates would say more.

    Args:
        study: the study's folder.
        to: for each axis that is refined how far apart neighbours may be that disagree: a number in the axis's units,
            or a share of the axis's range (of its logarithm, if the values are spaced so), as in "1%".
        of: "verdict" for the share of replicates that have one of the verdicts; or an observable; or an event.
        level: what is crossed, by default one half for shares.
        verdict: one or several verdicts, by default "forgetting" and "collapsed".
        statistic: "mean" or "median" of an observable over replicates.
        rounds: number of rounds at most that this call begins; 0 computes nothing but what the study lacks already. By
            default as many as are needed.
        chunk_size, executor: as in `run`.
        share: "2/8" computes the third of eight shares of each round only, and "slurm" that of this task of a job
            array. The next round begins when all shares of the one before are there: the call ends before that if
            others lack, and is to be made again.
        progress: whether rounds and their progress are shown on the standard error stream.

    Raises:
        InputError: the folder is not a study, or the study lacks such an axis or observable.
    """
    sought = Sought(of, level, verdict, statistic)
    share = Share.parse(share) if isinstance(share, str) else share
    how = Computing(machine_of(executor) if executor else this_machine(None), chunk_size, executor, share, progress)
    return refined(user_path(study), to, sought, how, rounds).finalize()


@dataclass(frozen=True)
class Computing:
    """How the cells of a round are computed; see `running.compute`."""

    machine: Machine
    chunk_size: int | None = None
    executor: Executor | None = None
    share: Share | None = None
    progress: bool = True

    def __call__(self, sweep: Sweep, folder: Path, number: int = 0) -> Study:
        """Computes what a study of this sweep lacks, or a share of it, as a round of this number if it is one."""

        def announce(todo: Plan) -> None:
            if number and self.progress:
                print(f"round {number}: {cost_of(todo)['text']}", file=sys.stderr)

        return compute(sweep, folder, self.machine, self.chunk_size, self.executor, self.share, self.progress, announce)


def refined(folder: Path, to: Mapping[str, str | float], sought: Sought, how: Computing, rounds: int | None) -> Study:
    """The study after as many rounds as are wanted, as are needed, or as can begin before other shares have ended."""
    opened, number = Study.open(folder), 0
    axes = refined_axes(opened.sweep, to)
    wanted = opened.sweep
    while True:
        held = opened
        try:
            opened = how(wanted, folder, number)
        except InputError:  # of a round that another process has begun, and maybe the one after it
            opened = Study.open(folder)
            if opened.sweep == held.sweep:
                raise
        if opened.sweep != wanted:
            wanted = opened.sweep
            continue
        if number == rounds or opened.summary()["missing"]:
            return opened
        more = next_cells(opened, axes, sought)
        if not more:
            return opened
        number, wanted = number + 1, extended(opened.sweep, axes, more)


def next_cells(study: Study, axes: Sequence[Refined], sought: Sought) -> list[Lacking]:
    """The cells of the next round of a study that is complete."""
    with study.finalize() as data:
        return lacking(study.sweep, axes, *sought.sides(data))


def cost_of(todo: Plan) -> dict[str, Any]:
    """What it costs to compute the cells of a round: their number, trajectories, seconds, and that in words."""
    cells = len(np.unique(np.concatenate([chunk.cells for chunk in todo.chunks]))) if todo.chunks else 0
    seconds = estimate(todo).compute if todo.machine.platform == "cpu" else None
    about = f", about {as_seconds(seconds)}" if seconds is not None else ""
    text = f"{count(cells, 'cell')} between neighbours that disagree, {count(todo.trajectories, 'trajectory')}"
    return {"cells": cells, "trajectories": todo.trajectories, "seconds": seconds, "text": f"{text}{about}"}
