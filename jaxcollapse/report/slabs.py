"""A dataset cell by cell in pieces that fit into memory."""

from collections.abc import Iterator

import xarray as xr

from jaxcollapse.analysis.status import cell_dims

_MOST_BYTES = 2**26  # of the largest variable


def slabs(data: xr.Dataset) -> Iterator[tuple[tuple[slice, ...], xr.Dataset]]:
    """Pieces of a dataset along its axes, each with where it is, whose variables are small enough to be loaded."""
    axes = cell_dims(data.status)
    yield from _halved(data, axes, tuple(slice(0, data.sizes[name]) for name in axes))


def _halved(
    data: xr.Dataset, axes: list[str], where: tuple[slice, ...]
) -> Iterator[tuple[tuple[slice, ...], xr.Dataset]]:
    piece = data.isel(dict(zip(axes, where, strict=True)))
    longest = max((each.nbytes for each in piece.data_vars.values()), default=0)
    first = next((place for place, each in enumerate(where) if each.stop - each.start > 1), None)
    if longest <= _MOST_BYTES or first is None:
        yield where, piece
        return
    middle = (where[first].start + where[first].stop) // 2
    for part in (slice(where[first].start, middle), slice(middle, where[first].stop)):
        yield from _halved(data, axes, (*where[:first], part, *where[first + 1 :]))
