"""Whether cells have enough replicates: the decisions of a rule, which follow from the first replicates of each cell.

At n replicates, where n is one of the rule's rounds, the decision for a cell uses exactly its first n: so it does not
depend on chunks, restarts, shares, or on what else has been computed. Trajectories that diverged are left out, as in
the analysis. An interval cannot be narrow where a value is infinite or missing: such a cell goes on to `most`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from jaxcollapse.planning.measured import Measured
from jaxcollapse.sweep.stopping import Stopping

CONFIDENCE = 0.95
_NORMAL = 1.959963984540054  # the quantile of the normal law that leaves 2.5 % above


@dataclass(frozen=True)
class Evidence:
    """What is known of trajectories at the last generation, each once, by cell and then by replicate.

    Attributes:
        cells: the cell of each trajectory.
        replicates: the replicate of each trajectory.
        counts: whether it is complete; False if it diverged.
        values: what the rule measures, float64 [trajectory], by name.
    """

    cells: np.ndarray
    replicates: np.ndarray
    counts: np.ndarray
    values: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Asked:
    """How many replicates a rule asks for, as far as is known by now.

    Attributes:
        number: for each cell the number at which it has decided, or the one that it needs for its next decision.
        is_open: for each cell whether it has not decided yet.
        wide: number of cells that have stopped at the most replicates with an interval that is not narrow, by name.
        unknown: number of cells where a value is infinite or missing, by name.
    """

    number: np.ndarray
    is_open: np.ndarray
    wide: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    def wants(self, replicates: int) -> np.ndarray:
        """Which of so many replicates are asked for, boolean [cell, replicate]."""
        return np.arange(replicates) < self.number[:, np.newaxis]


def asked(rule: Stopping, measured: Sequence[Measured], evidence: Evidence, cells: int) -> Asked:
    """How many replicates a rule asks for.

    Args:
        rule: the rule.
        measured: what it measures.
        evidence: what is known.
        cells: number of cells.
    """
    number, goes_on, lacks = np.zeros(cells, int), np.ones(cells, bool), np.zeros(cells, bool)
    wide, unknown = {each.name: 0 for each in measured}, {each.name: 0 for each in measured}
    for most in rule.rounds:
        number[goes_on] = most
        first = (evidence.replicates < most) & goes_on[evidence.cells]
        held = np.bincount(evidence.cells[first], minlength=cells)
        lacks |= goes_on & (held < most)
        goes_on &= held == most
        is_wide = np.zeros(cells, bool)
        for each in measured:
            first_values = evidence.values[each.name][first & evidence.counts]
            width = half_widths(first_values, evidence.cells[first & evidence.counts], cells, is_share=each.is_share)
            mine = goes_on & each.cells & ~(width <= rule.until[each.name])
            is_wide |= mine
            if most == rule.most:
                wide[each.name] = int(mine.sum())
                unknown[each.name] = int((mine & ~np.isfinite(width)).sum())
        goes_on &= is_wide
    return Asked(number, lacks, _positive(wide), _positive(unknown))


def half_widths(values: np.ndarray, cells: np.ndarray, number: int, *, is_share: bool) -> np.ndarray:
    """Half widths of the intervals of 95 % of the mean of each cell; infinite where there is no interval.

    Student's t for a mean; for a share Wilson's interval (JASA 22, 1927), which is not 0 where none, or all, have it.

    Args:
        values: [trajectory].
        cells: the cell of each trajectory.
        number: number of cells.
        is_share: whether the values are 1 and 0.
    """
    from scipy.special import stdtrit  # which takes long to import

    known = np.bincount(cells, minlength=number).astype(float)
    finite = np.isfinite(values)
    is_known = (np.bincount(cells, ~finite, minlength=number) == 0) & (known > 0)
    values, known = np.where(finite, values, 0.0), np.maximum(known, 1)
    mean = np.bincount(cells, values, minlength=number) / known
    if is_share:
        ratio = _NORMAL**2 / known
        width = _NORMAL / (1 + ratio) * np.sqrt(mean * (1 - mean) / known + ratio / (4 * known))
        return np.where(is_known, width, np.inf)
    squares = np.bincount(cells, (values - mean[cells]) ** 2, minlength=number)
    freedom = np.maximum(known - 1, 1)
    width = stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(squares / freedom / known)
    return np.where(is_known & (known > 1), width, np.inf)


def _positive(numbers: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in numbers.items() if number}
