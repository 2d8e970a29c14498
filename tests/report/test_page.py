"""What a page says beside its pictures: of the whole study, in words that hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.report import page
from jaxcollapse.report.page import live_page, stored_page
from jaxcollapse.report.settings import sentence_of, table_of
from jaxcollapse.report.summary import rows_of
from jaxcollapse.report.thinning import Shown
from jaxcollapse.report.view import View
from tests.report.known import known
from tests.support.datasets import INF, made

STUDY = Path("study/result.nc")


def test_a_page_of_a_part_tells_the_sizes_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = made({"temperature": [0.5, 1.0, 1.5], "samples": [1.0, 10.0]})
    monkeypatch.setattr(page, "shown_of", lambda view: Shown(((0, 2), (0, 1)), (0, 5)))
    text = stored_page(data, STUDY)
    assert "6 cells with 5 replicates each for 100 generations, over 3 values of temperature" in text
    assert "<td>0.5, 1, 1.5 <" in text
    assert "2 of the 3 values of temperature" in text


def test_a_page_of_generations_in_any_order_is_the_same() -> None:
    data = made({"temperature": [0.5, 1.0]})
    shuffled = data.isel(generation=[3, 0, 5, 1, 2, 4])
    for made_page in (stored_page, live_page):
        one, other = (made_page(each, STUDY).partition("page-figures")[0] for each in (data, shuffled))
        assert one == other


def test_the_first_curve_is_one_that_the_chosen_cell_has() -> None:
    data = made({"temperature": [0.5, 1.0], "model": ["categorical", "persona"]}).isel(temperature=[1])
    is_persona = xr.DataArray([False, True], dims="model")
    data["persona_entropy"] = data.entropy.where(is_persona)
    assert View.of(data.isel(model=[0, 1])).curve == "persona_entropy"
    assert View.of(data.isel(model=[1, 0])).curve == "entropy"
    assert View.of(data.where(False).assign(status=0 * data.status)).curve == "persona_entropy"


def test_rows_tell_how_many_trajectories_have_a_value() -> None:
    data = made({"temperature": [0.5, 1.0, 2.0]}, replicates=12).isel(temperature=[1, 2], generation=[-1])
    known_ones = data.smoothed_recovery_temperature.where(data.status == 1).notnull().sum("replicate").values.ravel()
    row = next(row for row in rows_of(data) if row.title == "smoothed recovery temperature")
    assert known_ones.tolist() == row.known[:, 0].tolist()
    assert row.known[:, 1].tolist() == [11, 12]
    assert (known_ones < [11, 12]).all()
    assert all(np.isnan(row.known).all() for row in rows_of(data) if row.title != "smoothed recovery temperature")


@pytest.mark.parametrize(
    ("model", "told"), [("markov", "A Markov model,"), ("ensemble", "An ensemble model,"), (None, "A model,")]
)
def test_what_was_run_is_a_sentence(model: str | None, told: str) -> None:
    data = made({"temperature": [0.5, 1.0]})
    data = data if model is None else data.assign_coords(model=model)
    assert sentence_of(data, View.of(data).axes).startswith(told)


def test_settings_are_written_as_everywhere() -> None:
    constants: dict[str, Any] = {"replacement": np.int8(1), "samples": np.inf, "learning_rate": 2e-6}
    data = made({}).assign_coords(constants)
    table = {name: values for name, values, _ in table_of(data, View.of(data).axes)}
    assert (table["replacement"], table["samples"], table["learning rate"]) == ("true", "∞", "2·10⁻⁶")


def test_a_word_of_some_cells_is_not_said_to_be_everywhere() -> None:
    words = [["forgetting", "unchanged"], ["unchanged", "forgetting"]]
    text = stored_page(known({"temperature": [0.5, 1.0], "samples": [1, 2]}, words), STUDY)
    assert "<td>at values of every axis</td>" in text
    assert "everywhere" not in text.partition("page-data")[0]


def test_a_page_has_the_numbers_of_an_axis_in_order_and_its_longest_axes_in_the_phase_diagram() -> None:
    data = made({"optimizer": ["adam", "sgd"], "temperature": [1.0, 0.5, 2.0, 0.7], "samples": [10.0, 1.0, INF]})
    view = View.of(in_order(data))
    assert [axis.labels for axis in view.axes[1:]] == [("0.5", "0.7", "1", "2"), ("1", "10", "∞")]
    assert (view.across, view.up) == (2, 1)
    assert "<td>0.5, 0.7, 1, 2 <" in stored_page(data, STUDY)


def test_a_page_says_how_many_lines_it_leaves_out() -> None:
    data = made({"temperature": [0.5, 1.0]})
    data["persona_mass"] = data.entropy.expand_dims(persona=range(20), axis=-1).assign_attrs(data.entropy.attrs)
    for made_page in (stored_page, live_page):
        assert "7 of the 20 values of persona are shown" in made_page(data, STUDY)
