"""Whether a sweep extends what a study holds: all of its trajectories are there, with the same settings.

It may have more generations, if the study's shards keep the state of each trajectory, and if what they have recorded is
what the sweep records up to there.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.execute.provenance import encode
from jaxcollapse.observables.snapshot import ATTEMPTS
from jaxcollapse.sweep.display import count
from jaxcollapse.sweep.equal_cells import is_near
from jaxcollapse.sweep.sweep import Sweep

FORMAT = 1
_LAST_DIGITS = (
    "they differ in the last digits, and cells are identified by exact values; round computed values to twelve "
    "digits with float(f'{value:.12g}'), as linspace and geomspace do"
)
_OFF = {"pass_at": list(ATTEMPTS)}  # what settings are that are not named
_OF_LENGTH = ("generations", "recorded")  # settings that differ where a sweep has more generations


def settings(sweep: Sweep, recorded: np.ndarray | None = None) -> dict[str, Any]:
    """What the numbers of a trajectory depend on, apart from its cell, seed and replicate.

    recorded: the recorded generations, if the trajectory has been computed up to the last of these only.
    """
    recorded = sweep.recorded if recorded is None else recorded
    told = {
        "format": FORMAT,
        "generations": int(recorded[-1]),
        "recorded": recorded.tolist(),
        "logits": sweep.record.logits,
        "observables": [entry.name for entry in sweep.chosen],
        "support_threshold": sweep.support_threshold,
        "collapse_threshold": sweep.collapse_threshold,
        "precision": sweep.precision,
        "common_random_numbers": sorted(sweep.left_out),  # the fields, which axes of one name may have more or fewer of
    }
    if sweep.record.logits and sweep.is_structured:
        told["contexts"] = True
    if sweep.record.texts:
        told["texts"] = [sweep.record.texts, sweep.record.text_length]
    if sweep.attempts != ATTEMPTS:
        told["pass_at"] = list(sweep.attempts)
    if parts := parts_of(sweep):
        told["parts"] = parts
    return {**told, "state": True} if sweep.record.state else told


def parts_of(sweep: Sweep) -> dict[str, str]:
    """The observables that plug-ins have added, and the plug-ins' names and digests."""
    return {name: str(plugin) for name, plugin in sweep.own_parts.items()}


def fingerprint(sweep: Sweep, recorded: np.ndarray | None = None) -> str:
    """A digest of all that shards of one study have in common, up to the last of these generations."""
    return hashlib.sha256(encode(settings(sweep, recorded)).encode()).hexdigest()[:16]


def goes_on(sweep: Sweep, recorded: np.ndarray) -> bool:
    """Whether trajectories that keep their state, and have recorded these generations, can become those of a sweep."""
    last = recorded[-1]
    wanted = sweep.recorded[sweep.recorded <= last]
    return sweep.record.state and bool(last < sweep.generations) and bool(np.isin(wanted, recorded).all())


def check_extends(old: Sweep, new: Sweep, folder: Path, replicates: int | None = None) -> None:
    """Raises unless every trajectory of the old sweep is one of the new sweep, or the beginning of one.

    replicates: the highest number of replicates that a cell has in the study, by default that of the old sweep.
    """
    before, after = settings(old), settings(new)
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    if changed and not (set(changed) <= set(_OF_LENGTH) and goes_on(new, old.recorded)):
        listed = [key for key in changed if key != "recorded" or "generations" not in changed]  # which follow from it
        told = "; ".join(
            f"{key} is {before.get(key, _OFF.get(key, False))} in the study and "
            f"{after.get(key, _OFF.get(key, False))} in the sweep"
            for key in listed
        )
        why = "".join(f"{reason}; " for reason in _reasons(old, new, changed))
        raise InputError(changed[0], f"the study holds results of other settings: {why}{told}", str(folder))
    replicates = old.replicates if replicates is None else replicates
    if new.replicates < replicates:
        key = "replicates.most" if new.stopping else "replicates"
        raise InputError(key, f"{new.replicates}: the study has {replicates} already", str(folder))
    asked, _ = new.grid.known_as(new.seed)
    held, cells = old.grid.known_as(old.seed)
    kept = np.zeros(old.grid.cells, bool)
    np.logical_or.at(kept, cells, np.isin(held, asked))
    gone = np.flatnonzero(~kept)
    if len(gone):
        what = _difference(old, new, int(gone[0]))
        instead = "name another folder with --out"
        if len(old.tables) > len(new.tables):
            instead = f"if the study was refined, run the study itself, `jaxcollapse run {folder}`; or {instead}"
        told = f"the study has {count(len(gone), 'cell')} that the sweep lacks ({what}); {instead}"
        raise InputError("", told, str(folder))


def _reasons(old: Sweep, new: Sweep, changed: list[str]) -> Iterator[str]:
    """Why some settings that have changed, maybe by others, cannot."""
    models = set(new.grid.column("model").values) - set(old.grid.column("model").values)
    more = f"model = {' or '.join(map(repr, sorted(models)))}"
    if "contexts" in changed and models:
        yield f"{more} has logits in several contexts, but the study has them in one"
    if "observables" in changed and models and new.observables == old.observables:
        groups = "a group includes all that its models have; name the observables of the study"
        yield f"{more} has observables that the study lacks, and {groups}"
    if set(changed) & set(_OF_LENGTH) and new.generations > old.generations:
        yield from _why_not_longer(old, new)


def _why_not_longer(old: Sweep, new: Sweep) -> Iterator[str]:
    if not old.record.state:
        yield "more generations can be added only to a study begun with record = { every = …, state = true }"
        return
    lacking = np.setdiff1d(new.recorded[new.recorded <= old.generations], old.recorded)
    if len(lacking):
        yield f"generation {lacking[0]} was not recorded; the sweep must record the same generations, as "
        "record.every does"


def _difference(old: Sweep, new: Sweep, cell: int) -> str:
    if old.seed != new.seed:
        return f"seed {old.seed}, not {new.seed}"
    for field in dict.fromkeys([*old.grid.given, *new.grid.given]):
        column = old.grid.column(field)
        value = column.values[column.codes[cell]]
        others = new.grid.column(field).values
        if value not in others:
            near = next((other for other in others if is_near(value, other)), None)
            return (
                f"{field} = {value}"
                if near is None
                else f"{field} = {value} in the study and {near} in the sweep: {_LAST_DIGITS}"
            )
    return ", ".join(f"{field} = {value}" for field, value in old.grid.cell(cell).items())
