"""What models write, for a reader: a few texts of a trajectory at a few of its generations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.status import cell_dims, has_status
from jaxcollapse.analysis.texts import texts

_MOST_SHOWN = 4  # texts of a generation
_MOST_TOLD = 2**20  # tokens of texts in a page that holds all


@dataclass(frozen=True)
class Written:
    """Texts of cells at some generations, each of one replicate.

    Attributes:
        generations: the generations.
        replicates: which replicate the texts of each cell are of, [cell].
        texts: the texts, [cell][generation][sample].
    """

    generations: list[int]
    replicates: list[int]
    texts: list[list[list[str]]]

    def to_dict(self) -> dict[str, Any]:
        """The texts as JSON data of a page."""
        return {"generations": self.generations, "replicates": self.replicates, "texts": self.texts}


def ends_and(*places: int, records: int) -> list[int]:
    """The first and the last of so many records, and those at these places, in order."""
    return sorted({0, *places, records - 1})


def has_texts(data: xr.Dataset) -> bool:
    """Whether a dataset has texts."""
    return "text" in data


def written(data: xr.Dataset, records: Sequence[int], replicate: int | None = None) -> Written:
    """Texts of all cells at these records.

    Args:
        data: the cells, in the order of their axes.
        records: places of recorded generations.
        replicate: the place of the replicate; by default the first that is complete, in each cell.
    """
    axes = cell_dims(data.status)
    few = data.isel(generation=list(records), sample=slice(_MOST_SHOWN))
    done = has_status(few, "complete").transpose(*axes, "replicate").values.reshape(-1, few.sizes["replicate"])
    chosen = np.argmax(done, axis=1) if replicate is None else np.full(len(done), replicate)
    which = xr.DataArray(chosen.reshape([few.sizes[axis] for axis in axes]), dims=axes)
    strings = (
        texts(few.drop_vars(set(few.data_vars) - {"text"}).isel(replicate=which))
        .transpose(*axes, "generation", "sample")
        .values
    )
    return Written(
        few.generation.values.tolist(),
        few.replicate.values[chosen].tolist(),
        strings.reshape(len(done), *strings.shape[len(axes) :]).tolist(),
    )


def first_middle_last(data: xr.Dataset) -> Written | None:
    """Texts of all cells at the first, the middle and the last record; fewer samples if cells are many.

    None if there are no texts, or not even room for one in each cell.
    """
    if not has_texts(data):
        return None
    number = data.sizes["generation"]
    records = ends_and(number // 2, records=number)
    cells = int(np.prod([data.sizes[axis] for axis in cell_dims(data.status)]))
    room = _MOST_TOLD // (cells * len(records) * data.sizes["place"])
    return written(data.isel(sample=slice(room)), records) if room else None
