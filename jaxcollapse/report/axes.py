"""The axes of a study as a reader sees them."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import is_numeric
from jaxcollapse.analysis.labels import entries, heading, long_heading
from jaxcollapse.analysis.status import cell_dims
from jaxcollapse.errors import printable

_RANGE = 3  # values in a row that are told by the first and the last of them


@dataclass(frozen=True)
class ShownAxis:
    """An axis of a report.

    Attributes:
        dim: its dimension in the dataset.
        words: its name in sentences.
        title: its name in tables and figures, with the fields of a zip.
        labels: texts of its values.
        order: places of its values in ascending order; None if they are not numbers, or belong to a zip.
    """

    dim: str
    words: str
    title: str
    labels: tuple[str, ...]
    order: tuple[int, ...] | None

    def __len__(self) -> int:
        return len(self.labels)

    def told(self, places: Collection[int]) -> str:
        """ "learning rate 0.1 and 1" for some of the places along the axis."""
        return f"{self.words} {self.values(places)}"

    def values(self, places: Collection[int], last: str = "and") -> str:
        """ "0.1 and 1", or "0.1 to 10" where three or more numbers follow each other."""
        if self.order is None:
            return listed([self.labels[place] for place in sorted(places)], last)
        ranks = sorted(self.order.index(place) for place in places)
        starts = [b for a, b in pairwise([-2, *ranks]) if b != a + 1]
        ends = [a for a, b in pairwise([*ranks, len(self) + 1]) if b != a + 1]
        words: list[str] = []
        for start, end in zip(starts, ends, strict=True):
            names = [self.labels[self.order[rank]] for rank in range(start, end + 1)]
            words += names if len(names) < _RANGE else [f"{names[0]} to {names[-1]}"]
        return listed(words, last)


def axes_of(data: xr.Dataset) -> list[ShownAxis]:
    """The axes of a dataset, in its order."""
    return [_axis(data, dim) for dim in cell_dims(data.status)]


def listed(words: list[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _axis(data: xr.Dataset, dim: str) -> ShownAxis:
    words, labels = long_heading(data, dim), tuple(entries(data, dim))
    if heading(data, dim) != dim:
        name = printable(dim)
        return ShownAxis(dim, name, f"{name} ({words})", tuple(f"({label})" for label in labels), None)
    values, words = data[dim].values, printable(words).replace("_", " ")
    return ShownAxis(dim, words, words, labels, tuple(np.argsort(values).tolist()) if is_numeric(data, dim) else None)
