"""Numba: counts of the tokens as conditional binomials, one after the other, trajectories in parallel."""

from benchmarks.contender import Run
from benchmarks.kernel.compiled import binomials
from benchmarks.kernel.peers.compiled_numba import compiled
from benchmarks.kernel.point import Point


def run_of(point: Point, trajectories: int) -> Run | None:
    return compiled(binomials.train, point, trajectories)
