"""Putting computed trajectories where they belong in the dataset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from jaxcollapse.execute import Result
from jaxcollapse.store import boxes
from jaxcollapse.store.layout import Layout
from jaxcollapse.sweep.sweep import Sweep

ELSEWHERE = -1  # the row of a trajectory that the sweep does not have


@dataclass(frozen=True)
class PlacedPart:
    """Trajectories to be placed in a dataset.

    Attributes:
        rows: rows of the dataset (place × replicates + replicate), or `ELSEWHERE`.
        sources: for each of these rows the number of its trajectory, in ascending order; None if each has its own.
        read: the function that reads a variable, by name, for a range of trajectories.
    """

    rows: np.ndarray
    sources: np.ndarray | None
    read: Callable[[str, slice], np.ndarray]

    @classmethod
    def of(cls, sweep: Sweep, numbers: np.ndarray, read: Callable[[str, slice], np.ndarray]) -> "PlacedPart":
        """Trajectories of these numbers, at all places of the dataset that have their cells."""
        if sweep.grid.places is None:
            return cls(numbers, None, read)
        cell, replicate = np.divmod(numbers, sweep.replicates)
        at = sweep.grid.places.at
        order = np.argsort(at, kind="stable")  # the places of each cell, one after the other
        starts = np.searchsorted(at[order], np.arange(sweep.grid.cells + 1))
        several = np.where(numbers == ELSEWHERE, 0, np.diff(starts)[np.maximum(cell, 0)])
        sources = np.repeat(np.arange(len(numbers)), several)
        nth = np.arange(len(sources)) - np.repeat(np.cumsum(several) - several, several)
        place = order[starts[cell[sources]] + nth]
        return cls(rows(place, replicate[sources], sweep.replicates), sources, read)


def part_of(result: Result, sweep: Sweep) -> PlacedPart:
    """A computed chunk as a part of a sweep's dataset."""
    variables = {**result.series, **result.events, "status": result.status}
    if result.logits is not None:
        variables["logits"] = result.logits
    numbers = rows(result.chunk.cells, result.chunk.replicates, sweep.replicates)
    return PlacedPart.of(sweep, numbers, lambda name, some: variables[name][some])


def rows(cells: np.ndarray, replicate: np.ndarray, replicates: int) -> np.ndarray:
    """Numbers of trajectories, cell × replicates + replicate: int32 is enough for as many as a sweep may have."""
    return (cells * replicates + replicate).astype(np.int32)


def place(layout: Layout, parts: Sequence[PlacedPart], start: int, stop: int) -> np.ndarray:
    """A variable for the rows from `start` up to `stop`, [row, …], from all parts that have some of them.

    What no part has is missing. Of several parts that have the same trajectory, the last counts.
    """
    values = np.full((stop - start, *layout.inner), layout.missing, layout.dtype)
    most = max(boxes.PIECE_BYTES // (layout.dtype.itemsize * prod(layout.inner)), 1)
    for part in parts:
        inside = np.flatnonzero((part.rows >= start) & (part.rows < stop))
        for some in _grouped(inside, inside if part.sources is None else part.sources[inside], most):
            own = some if part.sources is None else part.sources[some]
            first, last = int(own[0]), int(own[-1]) + 1
            read = part.read(layout.name, slice(first, last))
            if part.sources is not None or len(own) < last - first:
                read = read[own - first]
            held = tuple(slice(0, min(sizes)) for sizes in zip(read.shape[1:], layout.inner, strict=True))
            values[part.rows[some] - start, *held] = read[:, *held]  # of fewer tokens, or contexts, than there may be
    if layout.tokens is not None:
        own = layout.tokens[np.arange(start, stop) // layout.outer[-1]]
        np.copyto(values, np.nan, where=np.arange(values.shape[-1]) >= own.reshape(-1, *[1] * (values.ndim - 1)))
    return values


def _grouped(inside: np.ndarray, sources: np.ndarray, most: int) -> list[np.ndarray]:
    """Entries of a part in groups whose trajectories, in ascending order, span at most `most` each."""
    groups = np.split(inside, np.flatnonzero(np.diff(sources // most)) + 1)
    return [group for group in groups if len(group)]
