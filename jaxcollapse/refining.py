"""Refinement: a study gets cells where neighbours disagree, round by round, until a boundary is known to a width."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.boundary import LOST, VERDICT, curve_of
from jaxcollapse.analysis.refinement import Lacking, Refined, extended, lacking, refined_axes
from jaxcollapse.analysis.verdict import Thresholds
from jaxcollapse.errors import InputError
from jaxcollapse.planning import Machine, this_machine
from jaxcollapse.planning.display import as_seconds
from jaxcollapse.planning.estimate import estimate
from jaxcollapse.running import compute, foresee
from jaxcollapse.store.study import Study
from jaxcollapse.sweep.display import count
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.paths import user_path


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
        """For each place of a dataset 1 if its cell is above the level, 0 if it is below, NaN if that is not known.

        Raises:
            InputError: the dataset does not have what is sought.
        """
        try:
            thresholds = Thresholds.of(data) if self.of == VERDICT else Thresholds()
            curve = curve_of(data, self.of, self.level, self.verdict, self.statistic, None, 0.95, thresholds)
        except ValueError as error:
            raise InputError("of", str(error)) from None
        estimate = curve.values.sel(bound="estimate", drop=True).load()
        return xr.where(estimate.notnull(), (estimate > curve.level).astype(float), np.nan)


def refine(
    study: str | Path,
    to: Mapping[str, str | float],
    of: str = VERDICT,
    level: float | None = None,
    verdict: str | Sequence[str] = LOST,
    statistic: str = "mean",
    *,
    rounds: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Adds cells to a study where neighbours disagree, until a boundary is known to a width, and gives its dataset.

    Each round halves the boxes of the grid whose corners are on different sides of the boundary. A round is a normal
    extension of the study: its sweep file gets `[[grid]]` tables of single points, and only new cells are computed. A
    refinement that was stopped goes on if it is called again.

    Args:
        study: the study's folder.
        to: for each axis that is refined how far apart neighbours may be that disagree: a number in the axis's units,
            or a share of the axis's range (of its logarithm, if the values are spaced so), as in "1%".
        of: "verdict" for the share of replicates that have one of the verdicts; or an observable; or an event.
        level: what is crossed, by default one half for shares.
        verdict: one or several verdicts, by default "forgetting" and "collapsed".
        statistic: "mean" or "median" of an observable over replicates.
        rounds: number of rounds at most; 0 computes nothing but what the study lacks already. By default as many as
            are needed.
        progress: whether rounds and their progress are shown on the standard error stream.

    Raises:
        InputError: the folder is not a study, or the study lacks such an axis or observable.
    """
    folder, machine = user_path(study), this_machine(None)
    opened, sought = Study.open(folder), Sought(of, level, verdict, statistic)
    axes = refined_axes(opened.sweep, to)
    opened = compute(opened.sweep, folder, machine, progress=progress)
    number = 0
    while rounds is None or number < rounds:
        number += 1
        more = next_cells(opened, axes, sought)
        if not more:
            break
        sweep = extended(opened.sweep, axes, more)
        if progress:
            print(f"round {number}: {cost_of(sweep, folder, machine)['text']}", file=sys.stderr)
        opened = compute(sweep, folder, machine, progress=progress)
    return opened.finalize()


def next_cells(study: Study, axes: Sequence[Refined], sought: Sought) -> list[Lacking]:
    """The cells of the next round of a study that is complete."""
    with study.finalize() as data:
        return lacking(study.sweep, axes, sought.above(data))


def cost_of(sweep: Sweep, folder: Path, machine: Machine) -> dict[str, Any]:
    """What the cells cost that a study lacks: their number, trajectories, seconds, and that in words."""
    todo = foresee(sweep, folder, machine).todo
    cells = len(np.unique(np.concatenate([chunk.cells for chunk in todo.chunks]))) if todo.chunks else 0
    seconds = estimate(todo).compute if machine.platform == "cpu" else None
    about = f", about {as_seconds(seconds)}" if seconds is not None else ""
    text = f"{count(cells, 'cell')} between neighbours that disagree, {count(todo.trajectories, 'trajectory')}"
    return {"cells": cells, "trajectories": todo.trajectories, "seconds": seconds, "text": f"{text}{about}"}
