"""What `explore` answers is what a report holds, and what the dataset says; nothing else of a study is read."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.verdict import final_median, verdicts
from jaxcollapse.explore.answers import Answers
from jaxcollapse.report.page import stored_page
from tests.support.datasets import GENERATIONS, SHAPES, made
from tests.support.sweeps import run

DATA = SHAPES["four axes"]
CELL = [0, 1, 1, 2]


def unpacked(told: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(told["data"]), {"i1": "<i1", "f4": "<f4"}[told["type"]])


def stored(data: xr.Dataset) -> Any:
    """The numbers in the report of a dataset."""
    page = stored_page(data, Path("study/result.nc"))
    (text,) = re.findall(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)["numbers"]


@pytest.mark.parametrize("generation", range(len(GENERATIONS)))
def test_a_plane_has_the_medians_and_verdicts_of_its_cells_row_by_row(generation: int) -> None:
    told = Answers(DATA).plane(across=3, up=1, at=CELL, generation=generation, colour="entropy")
    held = {"update": 0, "samples": 1}
    number = GENERATIONS[generation]
    medians = final_median(DATA, "entropy", number).isel(held).transpose("vocab_size", "temperature")
    np.testing.assert_allclose(unpacked(told["values"]), medians.values.ravel(), rtol=1e-6)
    words = verdicts(DATA, number).isel(held).transpose("vocab_size", "temperature")
    assert unpacked(told["codes"]).tolist() == words.values.ravel().tolist()
    assert (told["sure"] is None) == (generation < len(GENERATIONS) - 1)
    assert all(point.size == 6 for point in map(unpacked, (told["plane"]["x"], told["plane"]["y"])))


def test_a_report_holds_what_explore_answers() -> None:
    numbers = stored(DATA)
    index = int(np.ravel_multi_index(CELL, (2, 2, 2, 3)))
    answers = Answers(DATA)
    names = [quantity.name for quantity in answers.view.quantities]
    for name, told in answers.curves(CELL, names).items():
        for bound in ("low", "middle", "high"):
            whole = unpacked(numbers["curves"][name][bound]).reshape(24, -1)
            np.testing.assert_array_equal(whole[index], unpacked(told[bound]), err_msg=f"{name} {bound}")
    for whole, row in zip(numbers["summary"], answers.summary(CELL), strict=True):
        assert (whole["title"], whole["kind"], whole["units"]) == (row["title"], row["kind"], row["units"])
        np.testing.assert_array_equal(unpacked(whole["values"]).reshape(24, 3)[index], unpacked(row["values"]))


def test_single_trajectories_are_those_of_the_dataset() -> None:
    told = Answers(DATA).curves(CELL, ["entropy"])["entropy"]
    cell = DATA.entropy.isel(update=0, vocab_size=1, samples=1, temperature=2).transpose("replicate", "generation")
    np.testing.assert_allclose(np.stack([unpacked(each) for each in told["replicates"][0]]), cell, rtol=1e-6)


def test_personas_are_lines_with_trajectories_of_their_own() -> None:
    data = run(
        {"model": "persona", "personas": 3, "vocab_size": 4, "trace_length": 2, "update": "refit", "samples": 5},
        generations=3,
        replicates=2,
        record={"every": 1},
        observables=["persona_mass"],
    )
    answers = Answers(data)
    (quantity,) = answers.view.quantities
    assert quantity.lines == ("0", "1", "2")
    told = answers.curves([], ["persona_mass"])["persona_mass"]
    single = np.array([[unpacked(each) for each in line] for line in told["replicates"]])
    np.testing.assert_array_equal(single, data.persona_mass.transpose("persona", "replicate", "generation"))
    np.testing.assert_allclose(single.sum(axis=0), 1, rtol=1e-6)


def test_theory_stands_beside_the_mean_that_it_tells() -> None:
    data = run(
        {"update": "refit", "vocab_size": 8},
        {"samples": [5, 50]},
        generations=8,
        replicates=6,
        record={"every": 2},
        observables=["collision_probability", "collapse_time"],
    )
    told = Answers(data).curves([1], ["collision_probability", "collapse_time"])
    start = float(data.collision_probability[0, 0, 0])
    expected = 1 - (1 - start) * (1 - 1 / 50) ** np.arange(0, 9, 2)
    np.testing.assert_allclose(unpacked(told["collision_probability"]["theory"]), expected, rtol=1e-5)
    mean = data.collision_probability.isel(samples=1).mean("replicate")
    np.testing.assert_allclose(unpacked(told["collision_probability"]["mean"]), mean, rtol=1e-6)
    assert "mean" not in told["collapse_time"]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda answers: answers.plane(3, 1, [0, 0], 0, "entropy"), "the cell does not exist"),
        (lambda answers: answers.plane(3, 1, [0, 0, 0, 9], 0, "entropy"), "the cell does not exist"),
        (lambda answers: answers.plane(3, 1, [0, 0, 0, -1], 0, "entropy"), "the cell does not exist"),
        (lambda answers: answers.plane(7, 1, CELL, 0, "entropy"), "the axis does not exist"),
        (lambda answers: answers.plane(3, 1, CELL, 6, "entropy"), "generation 6 is not from 0 to 5"),
        (lambda answers: answers.plane(3, 1, CELL, 0, "status"), "the observable does not exist"),
        (lambda answers: answers.curves(CELL, ["logits"]), "the observable does not exist"),
        (lambda answers: answers.summary([9, 0, 0, 0]), "the cell does not exist"),
    ],
)
def test_what_a_study_does_not_have_is_refused(question: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        question(Answers(DATA))


def test_nothing_of_a_study_is_kept_in_memory(tmp_path: Path) -> None:
    """Of a lazily opened file nothing stays in memory, however much of it is shown."""
    made({"temperature": [0.5, 1.0, 2.0]}).to_netcdf(tmp_path / "result.nc")
    with xr.open_dataset(tmp_path / "result.nc") as data:
        answers = Answers(data)
        answers.curves([1], ["entropy"])
        answers.plane(0, None, [1], 0, "entropy")
        assert not any(data[name].variable._in_memory for name in data.data_vars)
