"""Theory beside the cells of a dataset: the right law where it holds, nothing where none does."""

from typing import Any

import numpy as np
import pytest

import jaxcollapse.analysis  # noqa: F401  (registers the accessor)
from jaxcollapse.analysis.theory import UNSEEN
from jaxcollapse.sweep.process import Process
from tests.analysis.datasets import INF
from tests.statistics import SIGMAS, assert_mean
from tests.sweeps import run, values

SKEWED = [0.5, 0.3, 0.15, 0.05]
COMMON: dict[str, Any] = {"generations": 12, "replicates": 4000, "record": {"every": 6, "logits": True}}


def test_the_laws_of_drift_are_those_of_the_simulation() -> None:
    data = run({"update": "refit", "initial": values(SKEWED)}, {"samples": [6, 12]}, observables=["default"], **COMMON)
    for name in ("collision_probability", "entropy", "kl_from_initial", "support_size"):
        told = data.collapse.theory(name)
        assert told.dims == ("samples", "generation")
        for place in ({"samples": row, "generation": g} for row in (0, 1) for g in (1, 2)):
            assert_mean(data[name].isel(place).values, float(told.isel(place)))
    for name in ("collapse_time", "first_extinction_time"):
        told = data.collapse.theory(name)
        for place in ({"samples": row, "generation": g} for row in (0, 1) for g in (1, 2)):
            p = float(told.isel(place))
            happened = data[name].isel(samples=place["samples"]).values <= data.generation.values[place["generation"]]
            assert_mean(happened, p, variance=p * (1 - p))


@pytest.mark.parametrize(
    "process",
    [
        {"corpus": "accumulate"},
        {"corpus": "window", "window": 3},
        {"fresh_fraction": 0.2, "mixing": 0.6},
        {"smoothing": 0.5},
        {"sample_growth": 1.0},
    ],
    ids=str,
)
def test_the_collision_probability_is_known_with_remedies(process: dict[str, Any]) -> None:
    """The initial distribution is not recorded: its collision probability is all that the law needs."""
    settings = {**COMMON, "record": {"every": 6}, "observables": ["collision_probability"]}
    data = run({"update": "refit", "initial": values(SKEWED), "samples": 8, **process}, **settings)
    told = data.collapse.theory("collision_probability")
    for g in (1, 2):
        assert_mean(data.collision_probability.isel(generation=g).values, float(told[g]))
    without = 1 - (1 - told[0]) * (1 - 1 / 8) ** 12
    assert abs(float(told[2] - without)) > 0.02, "another law than that of plain drift"


def test_infinitely_many_samples_reach_the_powers_of_the_temperature() -> None:
    data = run(
        {"update": "refit", "vocab_size": 6},
        {"samples": [10, INF], "temperature": [0.9, 1.1]},
        generations=4,
        replicates=1,
        record={"every": 1},
        observables=["effective_temperature"],
    )
    told = data.collapse.theory("effective_temperature")
    assert told.sel(samples=10).isnull().all()
    np.testing.assert_allclose(
        told.sel(samples=INF), data.effective_temperature.sel(samples=INF).isel(replicate=0), rtol=1e-4
    )


def test_small_steps_lose_entropy_from_uniform_as_theory_says() -> None:
    """To first order in η, of which 2 % is allowed for; where more than a twentieth is lost, theory is silent."""
    data = run(
        {"initial": {"kind": "uniform"}, "vocab_size": 8, "learning_rate": 0.02},
        {"batch_size": [1, INF], "temperature": [1.0, 0.9]},
        generations=20,
        replicates=4000,
        record={"every": 10},
        precision="float64",
    )
    told = data.collapse.theory("entropy").sel(temperature=1.0)
    lost = np.log(8) - data.entropy.sel(temperature=1.0, batch_size=1).values[:, -1]
    expected = np.log(8) - float(told.sel(batch_size=1)[-1])
    error = lost.std() / np.sqrt(len(lost))
    assert error < 0.02 * expected
    assert abs(lost.mean() - expected) < SIGMAS * error + 0.02 * expected
    assert (told.sel(batch_size=INF) == np.log(8)).all()
    assert data.collapse.theory("entropy").sel(temperature=0.9).isnull().all()
    slow = data.assign_coords(learning_rate=0.5)
    with pytest.raises(ValueError, match=r"learning_rate at most 0\.1"):
        slow.collapse.theory("entropy")
    long = data.assign_coords(generation=[0, 10, 100_000]).collapse.theory("entropy")
    assert np.isnan(float(long.sel(batch_size=1, temperature=1.0)[-1]))


def test_cells_of_which_no_law_tells_are_nan() -> None:
    data = run(
        {"samples": 8, "batch_size": 8, "initial": {"kind": "uniform"}, "vocab_size": 4},
        {"update": ["refit", "gradient"], "temperature": [1.0, 0.9], "top_k": [3, INF]},
        generations=2,
        replicates=2,
        record={"every": 1},
        observables=["collision_probability", "entropy"],
    )
    for name in ("collision_probability", "entropy"):
        known = data.collapse.theory(name).notnull().all("generation")
        assert bool(known.sel(update="refit", temperature=1.0, top_k=INF))
        assert int(known.sum()) == 1


def test_an_error_says_what_theory_needs() -> None:
    data = run({"vocab_size": 4}, generations=2, replicates=2, observables=["collision_probability", "tail_mass"])
    with pytest.raises(ValueError, match="it needs update = 'refit' at temperature 1"):
        data.collapse.theory("collision_probability")
    with pytest.raises(ValueError, match="no law of theory tells of 'tail_mass'"):
        data.collapse.theory("tail_mass")


def test_fields_that_refits_do_not_see_are_fields() -> None:
    assert set(Process.model_fields) >= UNSEEN
    seen = {"temperature", "top_k", "top_p", "min_p", "corpus", "mixing", "smoothing", "reset_every", "curation"}
    assert not seen & UNSEEN
