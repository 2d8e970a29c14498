"""What a page says of right answers is what the dataset says."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.answers import ANSWERS, answers
from jaxcollapse.explore.answers import Answers
from jaxcollapse.report.answer import answer_of
from jaxcollapse.report.page import live_page, stored_page
from tests.report.known import known
from tests.support.sweeps import run

AXES: dict[str, list[Any]] = {"batch_size": [16, 64, 256], "learning_rate": [0.5, 2.0, 8.0, 32.0]}
# What a trajectory of each word is at the end: change of the accuracy, and share of lost answers.
ENDS = {
    "unchanged": (0.0, 0.0),
    "sharper": (0.4, 0.02),
    "narrowed": (0.5, 0.3),
    "lost": (0.0, 0.5),
    "worse": (-0.2, 0.0),
    "missing": (np.nan, np.nan),
}


def with_answers(words: Any, verdicts: Any = "unchanged", verdicts_too: bool = True) -> xr.Dataset:
    """A dataset over `AXES` whose cells have these words about right answers."""
    table = np.broadcast_to(np.array(words), (3, 4))
    data = known(AXES, np.where(table == "missing", "missing", verdicts), replicates=3)
    gain, lost = (np.vectorize(lambda word, at=at: ENDS[str(word)][at])(table)[..., None] for at in (0, 1))
    gain, lost = (np.broadcast_to(each, (3, 4, 3)) for each in (gain, lost))
    dims = (*AXES, "replicate", "generation")
    start = np.where(np.isnan(gain), np.nan, 0.4)
    accuracy = {"long_name": "probability of the correct", "units": "1"}
    mass = {"long_name": "lost probability of the correct", "units": "1"}
    data["accuracy"] = xr.Variable(dims, np.stack([start, start + gain], axis=-1), accuracy)
    data["lost_correct_mass"] = xr.Variable(dims, np.stack([0 * start, lost], axis=-1), mass)
    return data if verdicts_too else data[["accuracy", "lost_correct_mass", "status"]].assign_attrs(data.attrs)


def said(data: xr.Dataset) -> dict[str, str]:
    """The sentences of the headline about right answers, by what they are about."""
    from jaxcollapse.report.outcome import outcome_of

    points = answer_of(data, outcome_of(data)).headline
    return {point.lead: point.text for point in points if point.lead in ("Right answers", "Narrowed", "Lost")}


def test_the_headline_counts_what_became_of_right_answers() -> None:
    """Whether or not there are verdicts; and says where answers are lost, in boxes that hold these cells only."""
    words = [["sharper", "narrowed", "narrowed", "narrowed"], ["sharper", "sharper", "narrowed", "narrowed"]]
    words.append(["unchanged", "sharper", "sharper", "lost"])
    for verdicts_too in (True, False):
        found = said(with_answers(words, verdicts_too=verdicts_too))
        assert found["Right answers"] == (
            "Of the 12 cells, 5 are only sharper, 5 are narrowed, 1 has lost answers and is not more accurate and "
            "1 is unchanged after 50 generations."
        )
        assert found["Narrowed"].startswith(
            "More accurate, but right answers are lost: one attempt succeeds more often"
        )
        assert found["Narrowed"].endswith(
            ": all with batch size ≤ 64 and learning rate ≥ 8; all with batch size 16 and learning rate ≥ 2."
        )
        assert found["Lost"].startswith("Right answers are lost, and the model is not more accurate")


def test_one_word_of_all_cells_is_said_in_one_sentence() -> None:
    found = said(with_answers("narrowed"))
    assert list(found) == ["Right answers"]
    assert found["Right answers"].startswith("All 12 cells are narrowed after 50 generations: more accurate, but")
    few = [["worse", *["missing"] * 3], *[["missing"] * 4] * 2]
    assert said(with_answers(few)) == {
        "Right answers": "The only known cell is worse after 50 generations: less accurate, but no right "
        "answers are lost."
    }
    assert said(with_answers("missing")) == {}


def test_without_a_record_of_the_start_or_its_observables_nothing_is_said() -> None:
    data = with_answers("narrowed")
    assert said(data.drop_vars("accuracy")) == {}
    assert said(data.isel(generation=[1])) == {}


@pytest.fixture(scope="module")
def trained() -> xr.Dataset:
    """Some cells that are sharper, and some that are narrowed."""
    process = {
        "vocab_size": 16,
        "update": "policy_gradient",
        "initial": {"kind": "uniform"},
        "correct": "random",
        "correct_share": 0.5,
    }
    return run(
        process,
        {"learning_rate": [0.5, 8.0], "batch_size": [16, 64]},
        observables=["correct"],
        generations=60,
        replicates=4,
        support_threshold=0.01,
    )


def test_report_and_explore_have_the_words_of_the_dataset(trained: xr.Dataset) -> None:
    """At every generation that they show; and offer to colour cells by them."""

    def unpacked(told: dict[str, str]) -> np.ndarray:
        return np.frombuffer(base64.b64decode(told["data"]), np.int8)

    page = stored_page(trained, Path("study/result.nc"))
    (text,) = re.findall(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    told = json.loads(text)
    assert told["answers"] == list(ANSWERS)
    codes = unpacked(told["numbers"]["answers"]).reshape(2, 2, -1)
    live = Answers(trained)
    for place, generation in enumerate(told["generations"]):
        expected = answers(trained, generation).word
        np.testing.assert_array_equal(codes[..., place], expected)
        at = int(np.flatnonzero(trained.generation.values == generation)[0])
        plane = live.plane(across=1, up=0, at=[0, 0], generation=at, colour="accuracy")
        assert unpacked(plane["answers"]).tolist() == expected.values.ravel().tolist()
    assert len({*codes[..., -1].ravel().tolist()}) > 1
    for html in (page, live_page(trained, Path("study/result.nc"))):
        assert '<option value="answers">right answers</option>' in html
    assert "ds.collapse.answers().words()" in page
