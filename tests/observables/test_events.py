"""First times: watched at every generation, whatever is recorded, and censored at the last one."""

from typing import Any

import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse import native
from tests.support.sweeps import probabilities, run, values

SKEWED = np.array([0.4, 0.25, 0.2, 0.1, 0.04, 0.01])
GENERATIONS, REPLICATES = 120, 150
EVENTS = ("collapse_time", "first_extinction_time", "half_life")

# Gradient steps on single traces: a rare token can come back, so that a first time is not the time since when.
SGD: dict[str, Any] = {"initial": values(SKEWED), "learning_rate": 0.8, "batch_size": 1}
REFIT: dict[str, Any] = {"initial": values(SKEWED), "update": "refit", "samples": 200}
THRESHOLDS = {
    "default": {},
    "loose": {"support_threshold": 2e-3, "collapse_threshold": 0.05},
    "never": {"support_threshold": 0.0, "collapse_threshold": 0.0},
}


def _run(record: dict[str, Any], **top: Any) -> Any:
    settings = {"generations": GENERATIONS, "replicates": REPLICATES, "observables": ["events"]}
    return run(SGD, record=record, **(settings | top))


@pytest.fixture(scope="module")
def trajectories() -> np.ndarray:
    """p [replicate, generation, token] of every generation."""
    return probabilities(_run({"every": 1, "logits": True}))


def _first(holds: np.ndarray) -> np.ndarray:
    """The first index along the last axis at which it holds, NaN where it never does."""
    return np.where(holds.any(axis=1), holds.argmax(axis=1), np.nan)


@pytest.mark.parametrize("name", THRESHOLDS)
def test_times_are_those_of_a_record_of_every_generation(name: str, trajectories: np.ndarray) -> None:
    """Even if generation 0 and the last are all that is recorded; NaN where it has not happened by the last one."""
    thresholds = {"support_threshold": 1e-9, "collapse_threshold": 0.01} | THRESHOLDS[name]
    data = _run({"every": GENERATIONS}, **THRESHOLDS[name])
    assert data.generation.values.tolist() == [0, GENERATIONS]
    p, support = trajectories, thresholds["support_threshold"]
    expected = {
        "collapse_time": _first(p.max(axis=-1) >= 1 - thresholds["collapse_threshold"]),
        "first_extinction_time": _first((p <= support).any(axis=-1)),
        "half_life": _first(1 - (p**2).sum(axis=-1) <= 0.5 * (1 - SKEWED @ SKEWED)),
    }
    for event, times in expected.items():
        np.testing.assert_array_equal(data[event], times, event)
    happened = {event: np.isfinite(times).mean() for event, times in expected.items()}
    if name == "never":
        assert happened["collapse_time"] == happened["first_extinction_time"] == 0
    if name == "loose":
        assert 0.1 < happened["collapse_time"] < 1  # so that both kinds are seen
        assert happened["first_extinction_time"] > 0.5
        came_back = (p[:, -1] > support).all(axis=-1) & np.isfinite(expected["first_extinction_time"])
        assert came_back.any()


def test_a_shorter_run_censors_earlier_and_changes_no_time() -> None:
    long, short = _run({"every": GENERATIONS}), _run({"every": 40}, generations=40)
    for event in EVENTS:
        times = long[event].values
        np.testing.assert_array_equal(short[event], np.where(times <= 40, times, np.nan), event)
    assert (long.half_life > 40).any()


def test_what_is_true_at_the_start_happens_at_generation_zero() -> None:
    """p0 with a token above 1 − collapse_threshold has collapsed at 0; what p0 never had cannot go extinct."""
    process = {"initial": values([0.995, 0.005, 0.0]), "update": "refit", "samples": 3}
    common: dict[str, Any] = {"generations": 50, "replicates": 40, "record": {"every": 50}, "observables": ["events"]}
    data = run(process, **common)
    assert (data.collapse_time == 0).all()
    assert (data.half_life >= 1).any()
    lost = data.first_extinction_time.values
    assert (lost >= 1).all()
    strict = run(process, **common, collapse_threshold=1e-3, support_threshold=0.01)
    assert (strict.collapse_time == data.half_life).all()  # of two tokens, the loss of one is all of either
    assert np.isnan(strict.first_extinction_time[strict.collapse_time == 1]).all()


def test_no_generations_at_all_leave_only_what_is_true_at_once() -> None:
    data = run(SGD, generations=0, replicates=3, observables=["events"], collapse_threshold=0.6)
    assert (data.collapse_time == 0).all()
    assert np.isnan(data.first_extinction_time).all()
    assert np.isnan(data.half_life).all()


def test_times_say_how_they_are_censored() -> None:
    data = _run({"every": GENERATIONS})
    for event in EVENTS:
        assert data[event].dims == ("replicate",)
        assert data[event].attrs["units"] == "generation"
        assert str(GENERATIONS) in data[event].attrs["censoring"]


def test_times_of_refits_are_those_of_a_record_of_every_generation() -> None:
    data = run(
        {**REFIT},
        generations=60,
        replicates=300,
        record={"every": 1},
        observables=["collision_probability", "modal_probability", "support_size", "events"],
    )
    conditions = {
        "collapse_time": data.modal_probability.values >= 0.99,
        "first_extinction_time": data.support_size.values < 6,
        "half_life": 1 - data.collision_probability.values <= 0.5 * (1 - SKEWED @ SKEWED),
    }
    for name, holds in conditions.items():
        first = np.where(holds.any(axis=1), holds.argmax(axis=1), np.nan)
        np.testing.assert_array_equal(data[name].values, first, err_msg=name)
    sparse = run({**REFIT}, generations=60, replicates=300, record={"every": 60}, observables=["events"])
    for name in conditions:
        np.testing.assert_array_equal(data[name], sparse[name])


ANSWERS: dict[str, dict[str, Any]] = {
    "descent": SGD,
    "refit": REFIT,
    "groups": {**SGD, "update": "policy_gradient", "batch_size": 16, "false_positive_rate": 0.0, "learning_rate": 4.0},
    "prompts": {
        "model": "persona",
        "initial": {"kind": "table", "probabilities": [SKEWED.tolist(), SKEWED[::-1].tolist()]},
        "chooser": "fixed",
        "trace_length": 1,
        "learning_rate": 2.0,
        "batch_size": 4,
    },
    "none that is possible": {**SGD, "initial": values([0.5, 0.3, 0.2, 0.0, 0.0])},
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("observables", [["answers"], ["answers", "events"]])
def test_a_correct_answer_is_lost_where_one_that_was_there_is_under_the_threshold(
    name: str, observables: list[str]
) -> None:
    """Of two correct tokens, of which p0 may have one under the threshold, in any row; by native code and by XLA."""
    settings: dict[str, Any] = {"generations": 80, "replicates": 40, "support_threshold": 0.0201}
    process = {**ANSWERS[name], "correct": "listed", "correct_tokens": [3, 4]}
    every = run(process, **settings, record={"every": 1, "logits": True}, observables=observables)
    p = probabilities(every)[..., [3, 4]].reshape(40, 81, -1, 2)
    p = p if name != "prompts" else p[:, :, 1:]
    is_lost = ((p[:, :1] > 0.0201) & (p <= 0.0201)).any(axis=(2, 3))
    expected = _first(is_lost)
    np.testing.assert_array_equal(every.first_correct_extinction_time, expected)
    assert np.isnan(expected).all() if name == "none that is possible" else (expected > 0).any()
    sparse = run(process, **settings, record={"every": 80}, observables=observables)
    np.testing.assert_array_equal(sparse.first_correct_extinction_time, expected)


def test_native_code_watches_answers_beside_all_other_events() -> None:
    for observables in (["answers"], ["answers", "events"], ["all"]):
        sweep = jc.Sweep.from_dict({"process": {**SGD, "correct": "random"}, "observables": observables})
        assert all(program.is_native for program in jc.plan(sweep).cells.programs) == native.trains("cpu", "float32")
