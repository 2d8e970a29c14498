"""Putting computed trajectories where they belong in the dataset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from jaxcollapse.execute import Result
from jaxcollapse.store import boxes
from jaxcollapse.store.layout import Layout

ELSEWHERE = -1  # the row of a trajectory that the sweep does not have


@dataclass(frozen=True)
class PlacedPart:
    """Trajectories to be placed in a dataset.

    Attributes:
        rows: for each trajectory its row in the dataset (cell × replicates + replicate), or `ELSEWHERE`.
        read: the function that reads a variable, by name, for a range of trajectories.
    """

    rows: np.ndarray
    read: Callable[[str, slice], np.ndarray]


def part_of(result: Result, replicates: int) -> PlacedPart:
    """A computed chunk as a part of a dataset with so many replicates."""
    variables = {**result.series, **result.events, "status": result.status}
    if result.logits is not None:
        variables["logits"] = result.logits
    return PlacedPart(
        rows(result.chunk.cells, result.chunk.replicates, replicates), lambda name, some: variables[name][some]
    )


def rows(cells: np.ndarray, replicate: np.ndarray, replicates: int) -> np.ndarray:
    """Rows of trajectories: int32, four bytes for each, are enough for as many as a sweep may have."""
    return (cells * replicates + replicate).astype(np.int32)


def place(layout: Layout, parts: Sequence[PlacedPart], start: int, stop: int) -> np.ndarray:
    """A variable for the rows from `start` up to `stop`, [row, …], from all parts that have some of them.

    What no part has is missing. Of several parts that have the same trajectory, the last counts.
    """
    values = np.full((stop - start, *layout.inner), layout.missing, layout.dtype)
    most = max(boxes.PIECE_BYTES // (layout.dtype.itemsize * prod(layout.inner)), 1)
    for part in parts:
        inside = np.flatnonzero((part.rows >= start) & (part.rows < stop))
        for some in _grouped(inside, most):
            first, last = int(some[0]), int(some[-1]) + 1
            read = part.read(layout.name, slice(first, last))
            if len(some) < last - first:
                read = read[some - first]
            held = tuple(slice(0, min(sizes)) for sizes in zip(read.shape[1:], layout.inner, strict=True))
            values[part.rows[some] - start, *held] = read[:, *held]  # of fewer tokens, or contexts, than there may be
    if layout.tokens is not None:
        own = layout.tokens[np.arange(start, stop) // layout.outer[-1]]
        np.copyto(values, np.nan, where=np.arange(values.shape[-1]) >= own.reshape(-1, *[1] * (values.ndim - 1)))
    return values


def _grouped(ascending: np.ndarray, most: int) -> list[np.ndarray]:
    """Numbers in groups that span at most `most` each."""
    groups = np.split(ascending, np.flatnonzero(np.diff(ascending // most)) + 1)
    return [group for group in groups if len(group)]
