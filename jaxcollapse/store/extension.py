"""Whether a sweep extends what a study holds: all of its trajectories are there, with the same settings."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.sweep.sweep import Sweep

FORMAT = 1


def settings(sweep: Sweep) -> dict[str, Any]:
    """What the numbers of a trajectory depend on beside its cell, seed and replicate."""
    return {
        "format": FORMAT,
        "generations": sweep.generations,
        "recorded": sweep.recorded.tolist(),
        "logits": sweep.record.logits,
        "observables": [entry.name for entry in sweep.chosen],
        "support_threshold": sweep.support_threshold,
        "collapse_threshold": sweep.collapse_threshold,
        "precision": sweep.precision,
        "common_random_numbers": sorted(sweep.common_random_numbers),
    }


def check_extends(old: Sweep, new: Sweep, folder: Path) -> None:
    """Raises unless every trajectory of the old sweep is one of the new sweep."""
    before, after = settings(old), settings(new)
    changed = [key for key in before if before[key] != after[key]]
    if changed:
        told = "; ".join(f"{key} is {before[key]} there and {after[key]} here" for key in changed)
        raise InputError(changed[0], f"the study holds results of other settings: {told}", str(folder))
    if new.replicates < old.replicates:
        raise InputError("replicates", f"{new.replicates}: the study has {old.replicates} already", str(folder))
    held, asked = old.grid.identities(old.seed), new.grid.identities(new.seed)
    gone = np.flatnonzero(~np.isin(held, asked))
    if len(gone):
        what = _difference(old, new, int(gone[0]))
        raise InputError(
            "",
            f"the study has {len(gone)} cells that the sweep has not ({what}); name another folder with --out",
            str(folder),
        )


def _difference(old: Sweep, new: Sweep, cell: int) -> str:
    if old.seed != new.seed:
        return f"seed {old.seed}, not {new.seed}"
    for field in dict.fromkeys([*old.grid.given, *new.grid.given]):
        column = old.grid.column(field)
        value = column.values[column.codes[cell]]
        if value not in new.grid.column(field).values:
            return f"{field} = {value}"
    return ", ".join(f"{field} = {value}" for field, value in old.grid.cell(cell).items())
