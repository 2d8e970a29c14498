"""Numba: the inverse of the distribution function, one draw at a time, trajectories in parallel."""

from benchmarks.contender import Run
from benchmarks.kernel.compiled import inverse_cdf
from benchmarks.kernel.peers.compiled_numba import compiled
from benchmarks.kernel.point import Point

_MOST_DRAWS = 2**28  # traces × trajectories; beyond, a generation takes seconds


def run_of(point: Point, trajectories: int) -> Run | None:
    if point.batch * trajectories > _MOST_DRAWS:
        return None
    return compiled(inverse_cdf.train, point, trajectories)
