"""Cutting arrays into boxes: chunks, which a netCDF file compresses one by one, and slabs, which we make one by one.

A slab is filled from shards, which are read piece by piece. The sizes bound the memory that it takes.
"""

import itertools
from collections.abc import Iterator
from math import prod

CHUNK_BYTES = 2**20
PIECE_BYTES = 2**25
SLAB_BYTES = 2**28


def chunk_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The shape of a compressed chunk of an array of this shape, at most `CHUNK_BYTES`: the last dimensions whole."""
    return _box(shape, CHUNK_BYTES // itemsize)


def slabs(outer: tuple[int, ...], inner: tuple[int, ...], itemsize: int) -> Iterator[tuple[slice, ...]]:
    """An array of shape `outer` + `inner` in pieces of at most `SLAB_BYTES`, but no less than one row of shape `inner`.

    Yields:
        Slices along `outer`. Each piece is contiguous in C order, and holds whole chunks only.
    """
    row = itemsize * prod(inner)
    chunk = chunk_shape((*outer, *inner), itemsize)
    box = _box(outer, SLAB_BYTES // row)
    steps = [
        taken if taken == size else taken // unit * unit for size, taken, unit in zip(outer, box, chunk, strict=False)
    ]
    starts = itertools.product(*(range(0, size, step) for size, step in zip(outer, steps, strict=True)))
    for corner in starts:
        yield tuple(
            slice(start, min(start + step, size)) for start, step, size in zip(corner, steps, outer, strict=True)
        )


def _box(shape: tuple[int, ...], most: int) -> tuple[int, ...]:
    """A shape of at most `most` elements: the last dimensions whole, an even share of one, one place of the first."""
    box = []
    for size in reversed(shape):
        taken = min(size, max(most, 1))
        box.append(-(-size // -(-size // taken)))
        most //= size
    return tuple(reversed(box))
