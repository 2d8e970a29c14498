"""The line of a phase diagram is where `ds.collapse.boundary` is, between indices and on the scale of an axis."""

import base64
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.explore.answers import Answers
from jaxcollapse.report.edges import SIZE, edges_of
from jaxcollapse.report.page import stored_page
from jaxcollapse.report.stored import boundaries_of, shown_of
from jaxcollapse.report.thinning import Shown
from jaxcollapse.report.view import View
from tests.report.edged import BATCHES, RATES, with_edge
from tests.report.holes import with_holes
from tests.support.datasets import INF, SHAPES

BOUNDS = ("lower", "estimate", "upper")


def unpacked(told: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(told["data"]), "<f4")


def values_at(places: np.ndarray, numbers: list[float], *, is_log: bool) -> np.ndarray:
    """The values of an axis at these places between its indices; −∞ and ∞ beyond its ends."""
    found = np.full(places.shape, np.nan)
    for index, (low, high) in enumerate(pairwise(numbers)):
        weight = places - index
        between = (
            low / (1 - weight)
            if high == INF
            else low * (high / low) ** weight
            if is_log
            else low + weight * (high - low)
        )
        found = np.where((weight >= 0) & (weight < 1), between, found)
    found = np.where(places == len(numbers) - 1, numbers[-1], found)
    return np.select([places < 0, places > len(numbers) - 1], [-INF, INF], found)


@pytest.mark.parametrize("dim", ["batch_size", "learning_rate"])
def test_the_line_is_where_the_boundary_is(dim: str) -> None:
    """Along a logarithmic axis, and along one that descends in the file and ends with ∞."""
    data = in_order(with_edge())
    ((_, axis),) = [each for each in View.of(data).bounded if each[1].dim == dim]
    assert list(axis.numbers) == sorted({"batch_size": BATCHES, "learning_rate": RATES}[dim])
    lines = edges_of(data, axis, [50])[..., 0, :]
    truth = data.collapse.boundary(dim)
    assert truth.estimate.notnull().any()
    assert np.isinf(truth.upper.values).any() or dim == "learning_rate"
    wanted = np.stack([truth[name].values for name in BOUNDS], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_allclose(values_at(lines[..., :3], list(axis.numbers), is_log=True), wanted, rtol=1e-12)
    on_scale = lines[..., 3:]
    finite = np.isfinite(wanted)
    np.testing.assert_allclose(on_scale[finite], np.log10(wanted[finite]))
    assert np.isnan(on_scale[~finite]).all()


def test_a_report_has_the_lines_that_explore_answers_at_every_generation() -> None:
    data = with_edge()
    page = stored_page(data, Path("study/result.nc"))
    (text,) = re.findall(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    held: dict[str, Any] = json.loads(text)
    assert held["bounded"] == [0, 1]
    answers = Answers(data)
    shape = [len(axis) for axis in answers.view.axes]
    for along, beside in ((0, 1), (1, 0), (1, 2)):
        whole = unpacked(held["numbers"]["boundaries"][str(along)])
        lines = np.expand_dims(whole.reshape(*np.delete(shape, along), 2, SIZE), along)
        for generation in (0, 1):
            at = [1, 1, 1]
            found = unpacked(answers.boundary(along, beside, at, generation)).reshape(-1, SIZE)
            held_at = [0 if axis == along else slice(None) if axis == beside else 1 for axis in range(3)]
            np.testing.assert_array_equal(found, lines[(*held_at, generation)])
        assert np.isnan(lines[..., 0, :]).all(), "at the start nothing is lost, for sure"


def test_the_line_is_that_of_all_cells_where_some_values_are_not_shown() -> None:
    data = in_order(with_edge())
    view = View.of(data.isel(batch_size=[0, 4], learning_rate=[0, 2, 3], generation=[1]))
    shown = Shown(((0, 4), (0, 2, 3), (0, 1)), (1,))
    found = boundaries_of(data, view, shown, [0])
    lines = unpacked(found[0]).reshape(3, 2, SIZE)[..., 1]
    truth = data.collapse.boundary("batch_size").estimate.isel(learning_rate=[0, 2, 3]).values
    np.testing.assert_array_equal(np.isnan(lines), np.isnan(truth))
    inside = np.isfinite(truth)
    assert ((lines[inside] > 0) & (lines[inside] < 1)).all()
    np.testing.assert_allclose(lines[inside], 1 - 1 / truth[inside], err_msg="from 1 to ∞, in 1/x", rtol=1e-6)


def test_only_axes_of_several_numbers_have_lines_and_only_where_there_are_verdicts() -> None:
    assert [axis.dim for _, axis in View.of(with_edge()).bounded] == ["batch_size", "learning_rate"]
    assert View.of(SHAPES["one value"]).bounded == []
    assert View.of(with_edge().drop_vars("order_gap")).bounded == []
    for shape in SHAPES.values():
        data = in_order(shape)
        view = View.of(data)
        whole = shown_of(view)
        for place, told in boundaries_of(data, view, whole, range(len(whole.generations))).items():
            cells = np.prod([len(axis) for number, axis in enumerate(view.axes) if number != place])
            assert unpacked(told).size == cells * len(view.generations) * SIZE


def test_lines_of_a_refined_study_are_those_of_its_cells() -> None:
    data: xr.Dataset = with_holes()
    ((_, axis),) = [each for each in View.of(data).bounded if each[1].dim == "temperature"]
    lines = edges_of(data, axis, [50])[:, 0]
    truth = data.collapse.boundary("temperature")
    np.testing.assert_array_equal(lines[:, 4], truth.estimate)
    assert np.isfinite(lines[:, 4]).sum() == 2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((2, 0, [0, 0, 0], 0), "the axis has no boundaries"),
        ((0, 7, [0, 0, 0], 0), "the axis does not exist"),
        ((0, 1, [0, 0], 0), "the cell does not exist"),
        ((0, 1, [0, 0, 0], 2), "generation 2 is not from 0 to 1"),
    ],
)
def test_what_has_no_line_is_refused(asked: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Answers(with_edge()).boundary(*asked)
