"""What became of right answers: a word for each cell, from made-up numbers and from runs."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.answers import ANSWERS, answers
from tests.support.sweeps import run, values


def made_up(gains: Any, losses: Any) -> xr.Dataset:
    """A result with cells along "a": accuracies of 0.4 at generation 0, and these changes [cell, replicate] later."""
    gain, lost = np.asarray(gains, float), np.asarray(losses, float)
    start = np.full(gain.shape, 0.4)
    dims = ("a", "replicate", "generation")
    data = xr.Dataset(
        {
            "accuracy": (dims, np.stack([start, start + gain], axis=-1)),
            "lost_correct_mass": (dims, np.stack([np.zeros_like(lost), lost], axis=-1)),
            "status": (("a", "replicate"), np.where(np.isnan(gain), 0, 1).astype(np.int8)),
        },
        {"a": range(len(gain)), "generation": [0, 10]},
    )
    data["status"].attrs |= {"flag_values": [0, 1, 2], "flag_meanings": "missing complete diverged"}
    return data


def test_each_word_is_given_as_it_is_defined() -> None:
    """Around the tolerance, on all sides."""
    gains = [0.0, 0.049, 0.051, 0.051, 0.051, 0.0, -0.049, -0.051, -0.051]
    losses = [0.0, 0.049, 0.0, 0.049, 0.051, 0.051, 0.0, 0.0, 0.2]
    expected = ["unchanged", "unchanged", "sharper", "sharper", "narrowed", "lost", "unchanged", "worse", "lost"]
    found = answers(made_up([[each] for each in gains], [[each] for each in losses]))
    assert found.words().values.tolist() == expected
    assert {ANSWERS.index(word) for word in expected} == set(range(len(ANSWERS)))


def test_medians_decide_and_shares_tell_how_many_agree() -> None:
    found = answers(made_up([[0.3, 0.3, 0.0]], [[0.2, 0.0, 0.0]]), tolerance=0.1)
    assert found.words().item() == "sharper"
    assert found.gain.item() == pytest.approx(0.3)
    assert found.lost.item() == 0
    shares = dict(zip(found.outcome.values, found.share.values[0], strict=True))
    assert shares == pytest.approx({"unchanged": 1 / 3, "sharper": 1 / 3, "narrowed": 1 / 3, "lost": 0, "worse": 0})


def test_trajectories_that_are_missing_do_not_count() -> None:
    nan = np.nan
    found = answers(made_up([[nan, 0.3], [nan, nan]], [[nan, 0.2], [nan, nan]]))
    assert found.words().values.tolist() == ["narrowed", "unknown"]
    assert found.counted.values.tolist() == [1, 0]
    assert np.isnan(found.share.values[1]).all()


def test_what_is_missing_or_makes_no_sense_is_named() -> None:
    data = made_up([[0.1]], [[0.1]])
    with pytest.raises(ValueError, match=r"tolerance = 1\.5 is not a change of a probability; use 0 to below 1"):
        answers(data, tolerance=1.5)
    with pytest.raises(ValueError, match="accuracy"):
        answers(data.drop_vars("accuracy"))
    with pytest.raises(ValueError, match="0"):
        answers(data.isel(generation=[1]))


def test_fine_tuning_narrows_where_a_policy_gradient_sharpens() -> None:
    """Eight right answers, equally likely: fine-tuning on accepted ones loses some, a policy gradient keeps all."""
    process: dict[str, Any] = {
        "initial": values(np.array([1 / 16] * 8 + [1 / 2])),
        "correct": "listed",
        "correct_tokens": list(range(8)),
        "false_positive_rate": 0.0,
        "group_size": 16,
        "batch_size": 256,
        "learning_rate": 4.0,
    }
    axes = {"update": ["policy_gradient", "gradient"]}
    data = run(process, axes, observables=["correct"], generations=1000, replicates=16, support_threshold=0.01)
    found = data.collapse.answers()
    assert found.words().values.tolist() == ["sharper", "narrowed"]
    assert (found.gain > 0.4).all()
    assert found.lost.values[1] > 0.2
