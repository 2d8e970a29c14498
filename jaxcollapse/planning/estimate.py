"""How long a run takes, part by part, roughly: what a user waits for, on a machine that has nothing else to do."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jaxcollapse.planning.cost import program_seconds

if TYPE_CHECKING:
    from jaxcollapse.planning.plan import Plan

_START = 2.5  # to import packages, and to plan
_SHOW, _SHOW_CELL = 3.8, 1e-3  # to assemble, tabulate and draw a dataset; of each cell
_BYTES = 40e6  # of shards and of the dataset that are written in a second
_CHOICE = 0.45e-6  # of a token in a generation, where the best of several candidates is kept in expectation
_AT_ONCE = 1.3  # programs that are compiled at once, in effect, where there are several


@dataclass(frozen=True)
class Estimate:
    """Seconds of the phases of a run from the command line.

    Attributes:
        start: to import packages and plan.
        compile: to compile programs that are not in the cache.
        compute: to compute trajectories.
        finish: to store and assemble the dataset, and to show its table and picture.
    """

    start: float
    compile: float
    compute: float
    finish: float

    @property
    def later(self) -> float:
        """All of a run whose programs are in the cache."""
        return self.start + self.compute + self.finish

    @property
    def first(self) -> float:
        """All of a run whose programs have to be compiled."""
        return self.later + self.compile


def estimate(plan: "Plan") -> Estimate:
    """The parts of a run on CPU cores."""
    cores, programs = plan.machine.cores, [plan.buckets[index].program for index in {c.bucket for c in plan.chunks}]
    compiling = [program_seconds(program) for program in programs]
    # A device call computes all of its lanes, also those that no trajectory is left for.
    calls, each = np.zeros(len(plan.chunks)), np.zeros(len(plan.chunks))
    for place, chunk in enumerate(plan.chunks):
        lanes = plan.buckets[chunk.bucket].lanes
        calls[place] = math.ceil(len(chunk) / lanes)
        each[place] = plan.seconds_of(chunk) * lanes / len(chunk)
        structure = plan.buckets[chunk.bucket].program.structure
        if structure.curation != "none" and structure.infinite_samples:
            each[place] += _CHOICE * lanes * plan.sweep.generations * structure.tokens * structure.walk.contexts
    at_once = min(_AT_ONCE, cores)
    return Estimate(
        start=_START,
        compile=max(sum(compiling) / at_once, max(compiling, default=0.0)),
        compute=max(float(calls @ each) / cores, float(each.max(initial=0.0))),
        finish=_SHOW + _SHOW_CELL * plan.sweep.grid.cells + plan.disk_bytes / _BYTES,
    )
