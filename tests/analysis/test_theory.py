"""Theory beside the cells of a dataset: the right law where it holds, nothing where none does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jaxcollapse as jc
from tests.conftest import ROOT
from tests.support.datasets import INF
from tests.support.statistics import SIGMAS, assert_mean
from tests.support.sweeps import run, values

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


def test_the_support_of_a_shipped_sweep_is_known_from_its_file() -> None:
    """Its Zipf law is not recorded; the sweep file says it."""
    shipped = jc.Sweep.from_toml(ROOT / "sweeps/wright_fisher.toml").to_dict()
    axes = {**shipped["axes"], "temperature": [1.0, 1.01]}
    shorter = {"generations": 60, "record": {"every": 20}, "observables": ["support_size", "entropy"], "axes": axes}
    data = jc.run(jc.Sweep.from_dict({**shipped, **shorter}), progress=False)
    assert "logits" not in data
    for name in ("support_size", "entropy"):
        told, resolves = data.collapse.theory(name), 0.15 if name == "support_size" else None
        assert told.sel(temperature=1.01).isnull().all()
        for samples in shipped["axes"]["samples"]:
            found = data[name].sel(temperature=1.0, samples=samples)
            assert_mean(found.values, told.sel(temperature=1.0, samples=samples).values, resolves=resolves)


@pytest.mark.parametrize(
    ("process", "axes"),
    [
        ({}, {"vocab_size": [3, 5]}),
        ({"initial": {"kind": "zipf"}}, {"initial.exponent": [0.5, 2.0], "vocab_size": [3, 5]}),
        ({"vocab_size": 4}, {"initial.kind": ["uniform", "zipf"]}),
        ({"initial": {"kind": "zipf_mandelbrot", "exponent": 2}, "vocab_size": 4}, {"initial.shift": [0.5, 9]}),
        ({"initial": {"kind": "values"}}, {"initial.probabilities": [[0.7, 0.3], [3, 1]]}),
        (
            {"vocab_size": 4},
            {
                "initial": [
                    {"kind": "uniform"},
                    {"kind": "zipf", "exponent": 1},
                    {"kind": "zipf_mandelbrot"},
                    values(SKEWED),
                    {"kind": "values", "logits": [1, 0, 0, -np.inf]},
                ]
            },
        ),
        (
            {"vocab_size": 4},
            {"law": {"zip": {"initial.kind": ["zipf_mandelbrot", "zipf"], "initial.exponent": [1.0, 0.3]}}},
        ),
    ],
    ids=["the default", "exponents", "kinds", "shifts", "lists", "tables", "a zip"],
)
def test_what_the_sweep_file_settles_is_what_was_recorded(process: dict[str, Any], axes: dict[str, Any]) -> None:
    settings = {"generations": 3, "replicates": 1, "record": {"every": 1, "logits": True}}
    data = run({"update": "refit", "samples": 4, **process}, axes, observables=["entropy"], **settings)
    recorded = data.collapse.theory("entropy")
    for part in (data, data.isel({next(iter(axes)): [-1]})):
        settled = part.drop_vars("logits").collapse.theory("entropy")
        np.testing.assert_allclose(settled, recorded.sel({name: part[name] for name in axes}), rtol=1e-5)
    np.testing.assert_allclose(settled.sel(generation=0), part.entropy.sel(generation=0).isel(replicate=0), rtol=1e-5)


def test_a_p0_that_the_sweep_file_does_not_settle_is_not_known(tmp_path: Path) -> None:
    """Random ones; and files, which are not read again, so that a stranger's dataset reads none."""
    (tmp_path / "p.csv").write_text("token,probability\na,0.7\nb,0.3\n")
    file = {"kind": "file", "path": str(tmp_path / "p.csv")}
    settings = {"generations": 1, "replicates": 2, "observables": ["entropy"]}
    data = run(
        {"update": "refit", "samples": 4}, {"initial": [file, {"kind": "dirichlet"}, values(SKEWED)]}, **settings
    )
    (tmp_path / "p.csv").unlink()
    known = data.collapse.theory("entropy").notnull().all("generation")
    assert known.values.tolist() == [False, False, True]


def test_a_dataset_cannot_make_theory_take_memory_without_bounds() -> None:
    """Each of these numbers is a coordinate or an attribute that anybody can write."""
    settings = {"generations": 2, "replicates": 2, "observables": ["entropy", "collision_probability", "support_size"]}
    data = run({"update": "refit", "samples": 4}, **settings)
    window = run({"update": "refit", "samples": 4, "corpus": "window", "window": 2}, **settings)
    large = data.assign_coords(vocab_size=10**15)
    forged = [
        ("entropy", large),
        ("collision_probability", large),
        ("support_size", data.assign_coords(vocab_size=2**24, samples=10**5).assign_attrs(support_threshold=0.0)),
        ("entropy", data.assign_coords(generation=[0, 1, 10**12])),
        ("collision_probability", window.assign_coords(generation=[0, 1, 10**6], window=10**9)),
    ]
    for name, dataset in forged:
        with pytest.raises(ValueError, match="does not apply here; it needs"):
            dataset.collapse.theory(name)
    with pytest.raises(ValueError, match="the attribute sweep: is not valid TOML"):
        data.assign_attrs(sweep="[axes").collapse.theory("entropy")
    with pytest.raises(ValueError, match="the attribute sweep: has a key of more than 32 parts"):
        data.assign_attrs(sweep="a." * 40 + "b = 1").collapse.theory("entropy")


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
    with pytest.raises(ValueError, match="no law is known for 'tail_mass'"):
        data.collapse.theory("tail_mass")


def test_fields_that_a_process_does_not_see_rule_no_law_out() -> None:
    """Constants of an optimiser in a refit; not those that it sees."""
    told = {"update": "refit", "samples": 20, "vocab_size": 4}
    plain = run(told, generations=3, replicates=2, observables=["collision_probability"])
    for unseen in ({"batch_size": 7}, {"b1": 0.5}, {"entropy_bonus": 0.1}, {"rank": 3}, {"window": 9}):
        data = plain.assign_coords(unseen)
        np.testing.assert_array_equal(
            data.collapse.theory("collision_probability"), plain.collapse.theory("collision_probability")
        )
    for seen in (
        {"temperature": 0.9},
        {"top_k": 2.0},
        {"real_samples": 9.0, "fresh_fraction": 0.5},
        {"curation": "argmax"},
    ):
        with pytest.raises(ValueError, match="does not apply here; it needs"):
            plain.assign_coords(seen).collapse.theory("collision_probability")
