"""The rounds of a sweep with a rule for its replicates: what is computed next, and by whom.

All cells of a run, or of a share, finish a round before the next begins. So runs that share the work see the same
decisions, and cut the next round into the same chunks, whatever else has been computed.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.planning.plan import Plan
from jaxcollapse.planning.share import Share
from jaxcollapse.planning.until import Asked
from jaxcollapse.sweep.stopping import Stopping


@dataclass(frozen=True)
class Round:
    """The replicates that some cells get next.

    Attributes:
        cells: those that have not decided with fewer replicates, boolean [cell].
        since: number of replicates that they have decided with before.
        until: number of replicates that they decide with next.
        later: for each cell the number of trajectories that may follow at most.
    """

    cells: np.ndarray
    since: int
    until: int
    later: np.ndarray

    def computes(self, replicates: int) -> np.ndarray:
        """Which of so many replicates of each cell belong to the round, boolean [cell, replicate]."""
        number = np.arange(replicates)
        return self.cells[:, np.newaxis] & (number >= self.since) & (number < self.until)


def next_round(rule: Stopping, asked: Asked, mine: np.ndarray | None = None) -> Round | None:
    """The first round that some cells have not finished; None if all have decided.

    mine: the cells that take part, boolean [cell]; by default all.
    """
    is_open = asked.is_open if mine is None else asked.is_open & mine
    if not is_open.any():
        return None
    until = int(asked.number[is_open].min())
    since = max((number for number in rule.rounds if number < until), default=0)
    cells = asked.number >= until if mine is None else (asked.number >= until) & mine
    return Round(cells, since, until, np.where(cells & asked.is_open, rule.most - until, 0))


def first_round(rule: Stopping, cells: int) -> Round:
    """The round that a sweep of so many cells begins with."""
    return Round(np.ones(cells, bool), 0, rule.least, np.full(cells, rule.most - rule.least))


def dealt(plan: Plan, share: Share) -> np.ndarray:
    """The cells of a share, boolean [cell]. All shares take about equally long, as far as cells need equally many.

    Args:
        plan: of the sweep, with native code or without on all machines alike.
        share: which one.

    Raises:
        InputError: there are more shares than cells.
    """
    seconds = plan.cell_seconds
    if share.count > len(seconds):
        told = f"{share}: the sweep has {len(seconds)} cells, and a share has whole ones where they decide when to stop"
        raise InputError("share", f"{told}; use fewer shares")
    taken, mine = [(0.0, machine) for machine in range(share.count)], np.zeros(len(seconds), bool)
    for cell in np.argsort(-seconds, kind="stable").tolist():
        least, machine = taken[0]
        heapq.heapreplace(taken, (least + float(seconds[cell]), machine))
        mine[cell] = machine == share.index
    return mine
