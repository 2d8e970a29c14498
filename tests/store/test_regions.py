"""Slabs cover an array once, in order, within bounds, and never cut a chunk."""

from collections.abc import Iterator
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcollapse.store import boxes
from jaxcollapse.store.boxes import chunk_shape, slabs

shapes = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)
rows = st.lists(st.integers(1, 9), max_size=2).map(tuple)


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    """As it is with large arrays, with small ones."""
    patch = pytest.MonkeyPatch()
    patch.setattr(boxes, "CHUNK_BYTES", 64)
    patch.setattr(boxes, "SLAB_BYTES", 256)
    yield
    patch.undo()


@given(outer=shapes, inner=rows, itemsize=st.sampled_from([1, 4, 8]))
def test_slabs_are_consecutive_rows_and_cover_all(
    outer: tuple[int, ...], inner: tuple[int, ...], itemsize: int
) -> None:
    numbered = np.arange(prod(outer)).reshape(outer)
    found = [numbered[slab].reshape(-1) for slab in slabs(outer, inner, itemsize)]
    np.testing.assert_array_equal(np.concatenate(found), np.arange(prod(outer)))
    row = itemsize * prod(inner)
    assert all(len(part) * row <= max(256, row) for part in found)


@given(outer=shapes, inner=rows, itemsize=st.sampled_from([1, 4, 8]))
def test_no_chunk_is_in_two_slabs(outer: tuple[int, ...], inner: tuple[int, ...], itemsize: int) -> None:
    shape = (*outer, *inner)
    chunk = chunk_shape(shape, itemsize)
    assert prod(chunk) * itemsize <= 64
    for slab in slabs(outer, inner, itemsize):
        for part, unit, size in zip(slab, chunk, outer, strict=False):
            assert part.start % unit == 0
            assert part.stop % unit == 0 or part.stop == size


@given(shape=shapes, itemsize=st.sampled_from([1, 4, 8]))
def test_chunks_are_not_needlessly_small(shape: tuple[int, ...], itemsize: int) -> None:
    """Nor is much of the last one along a dimension beyond the array."""
    chunk = chunk_shape(shape, itemsize)
    assert prod(chunk) * itemsize > 64 / 4 or chunk == shape
    assert all(-(-size // part) * part < size + -(-size // part) for size, part in zip(shape, chunk, strict=True))
