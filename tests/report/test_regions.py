"""Regions of axes: they hold all cells, say of each whether something is lost, and are few."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from jaxcollapse.report.axes import ShownAxis
from jaxcollapse.report.boundaries import boundaries
from jaxcollapse.report.regions import MOST_LEAVES, Found, Tally, divided

SHAPE = array_shapes(min_dims=1, max_dims=3, max_side=4)


def leaves(found: Found, held: dict[int, tuple[int, ...]]) -> list[tuple[dict[int, tuple[int, ...]], Tally]]:
    """Each tally with the values of axes that it is about."""
    if isinstance(found, Tally):
        return [(held, found)]
    return [leaf for each in found for leaf in leaves(each.within, held | {each.axis: each.places})]


@given(st.data())
def test_tallies_count_their_cells_and_together_all(data: st.DataObject) -> None:
    shape = data.draw(SHAPE)
    lost, known = (data.draw(arrays(bool, shape)) for _ in range(2))
    seen = np.zeros(shape, int)
    told = leaves(divided(lost, known), {})
    assert len(told) <= MOST_LEAVES
    for held, tally in told:
        where = np.ix_(*(held.get(axis, range(size)) for axis, size in enumerate(shape)))
        seen[where] += 1
        assert tally == Tally(int((lost & known)[where].sum()), int(known[where].sum()), int(known[where].size))
    assert (seen == 1).all()


@given(st.data())
def test_a_boundary_along_one_axis_is_found_whatever_else_varies(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=1, max_dims=4, min_side=2, max_side=4))
    axis = data.draw(st.integers(0, len(shape) - 1))
    first = data.draw(st.integers(1, shape[axis] - 1))
    lost = np.indices(shape)[axis] >= first
    told = leaves(divided(lost, np.ones(shape, bool)), {})
    assert [(held[axis], tally.lost == tally.cells) for held, tally in told] == [
        (tuple(range(first)), False),
        (tuple(range(first, shape[axis])), True),
    ]


def test_noise_is_told_in_few_words() -> None:
    lost = np.random.default_rng(0).random((12, 12, 12)) < 0.5
    found = divided(lost, np.ones_like(lost))
    assert len(leaves(found, {})) <= MOST_LEAVES
    assert sum(tally.lost for _, tally in leaves(found, {})) == lost.sum()


def test_boundaries_are_where_the_first_and_the_last_loss_is() -> None:
    axes = [ShownAxis("a", "a", "a", tuple("01234"), (0, 1, 2, 3, 4)), ShownAxis("b", "b", "b", tuple("0123"), None)]
    lost = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 0, 0], [1, 1, 1, 1, 1]], bool).T
    (found,) = boundaries(axes, lost, np.ones_like(lost))
    assert (found.begins, found.ends, found.several, found.same) == ([2], [2], 1, 1)
    known = np.ones_like(lost)
    known[0, 0] = False
    (found,) = boundaries(axes, lost, known)
    assert found.lines == 3
    assert found.begins == []
