"""Numba: all weights anew, and a search for each draw."""

from benchmarks.contender import Run
from benchmarks.rewards.compiled import inverse_cdf
from benchmarks.rewards.peers.compiled_numba import compiled
from benchmarks.rewards.point import Point


def run_of(point: Point, trajectories: int) -> Run | None:
    return compiled(inverse_cdf.train, point, trajectories)
