"""Numba: a tree of partial sums that is kept from one generation to the next."""

from benchmarks.contender import Run
from benchmarks.rewards.compiled import kept_tree
from benchmarks.rewards.peers.compiled_numba import compiled
from benchmarks.rewards.point import Point


def run_of(point: Point, trajectories: int) -> Run | None:
    return compiled(kept_tree.train, point, trajectories)
