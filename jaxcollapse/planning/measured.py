"""What a rule of replicates measures: a number for each trajectory, whose mean or share is estimated in each cell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from jaxcollapse.observables import Observable
from jaxcollapse.observables.registry import FOR_VERDICTS, FOR_VERDICTS_OF_ROWS, YES_OR_NO
from jaxcollapse.observables.verdict import UNKNOWN, VERDICTS, codes
from jaxcollapse.program.kernel import NOT_YET
from jaxcollapse.sweep.stopping import ONE_ROW, SHARE, needed_by_verdicts
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.walks import WALKS

Known = Mapping[str, np.ndarray]  # variables of some trajectories at the last generation, [trajectory], by name


@dataclass(frozen=True)
class Measured:
    """A quantity of a trajectory that a rule asks about.

    Attributes:
        name: what the rule calls it.
        is_share: whether it is 1 or 0, so that its mean is a share.
        variables: the variables of the dataset that it follows from.
        cells: in which cells the model has it, boolean [cell].
        of: gives its values, float64 [trajectory], from the variables and the trajectories' cells. NaN is unknown.
    """

    name: str
    is_share: bool
    variables: tuple[str, ...]
    cells: np.ndarray
    of: Callable[[Known, np.ndarray], np.ndarray]


def measured(sweep: Sweep) -> Iterator[Measured]:
    """What the rule of a sweep measures."""
    chosen = {entry.name: entry for entry in sweep.chosen}
    for name in sweep.stopping.until if sweep.stopping else ():
        if name.startswith(SHARE) and name not in chosen:
            yield _verdict(sweep, name)
            continue
        entry = chosen[name]
        has = _cells_with(sweep, entry)
        if entry.is_event:
            yield Measured(name, True, (name,), has, _happened(name))
        else:
            yield Measured(name, name in YES_OR_NO, (name,), has, _values_of(entry))


def _cells_with(sweep: Sweep, entry: Observable) -> np.ndarray:
    """The cells whose models have an observable, boolean [cell]."""
    column = sweep.grid.column("model")
    return np.array([entry.is_of(WALKS[model].make) for model in column.values])[column.codes]


def _happened(event: str) -> Callable[[Known, np.ndarray], np.ndarray]:
    return lambda known, cells: (known[event] != NOT_YET) * 1.0


def _values_of(entry: Observable) -> Callable[[Known, np.ndarray], np.ndarray]:
    def values(known: Known, cells: np.ndarray) -> np.ndarray:
        found = known[entry.name]
        return np.where(found == NOT_YET, np.nan, found) if entry.whole else found.astype(float)

    return values


def _verdict(sweep: Sweep, name: str) -> Measured:
    """Whether a trajectory has a verdict on its own, as `ds.collapse.classify()` counts it."""
    word = VERDICTS.index(name.removeprefix(SHARE))
    has_one = sweep.grid.has("model", ONE_ROW)
    recorded = needed_by_verdicts(sweep.grid.column("model").values)

    def share(known: Known, cells: np.ndarray) -> np.ndarray:
        verdict = np.full(len(cells), UNKNOWN)
        for needed, mine in ((FOR_VERDICTS, has_one[cells]), (FOR_VERDICTS_OF_ROWS, ~has_one[cells])):
            if mine.any():
                verdict[mine] = codes([known[each][mine] for each in needed], collapse=sweep.collapse_threshold)
        return np.where(verdict == UNKNOWN, np.nan, (verdict == word) * 1.0)

    return Measured(name, True, tuple(recorded), np.ones(sweep.grid.cells, bool), share)
