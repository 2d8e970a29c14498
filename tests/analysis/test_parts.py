"""Parts of a dataset: in another order, in chunks, or without something that cannot be done without, which is said."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse import theory
from tests.analysis.test_pictures import printed
from tests.support.datasets import INF, made
from tests.support.sweeps import run, values

DATA = made({"samples": [10.0, 100.0, INF], "temperature": [0.8, 1.0]})


@pytest.fixture(scope="module")
def drift() -> xr.Dataset:
    """Refits at two temperatures."""
    names = ["collision_probability", "entropy", "support_size"]
    settings: dict[str, Any] = {"generations": 10, "replicates": 3, "record": {"every": 5}, "observables": names}
    return run({"update": "refit", "vocab_size": 4, "samples": 5}, {"temperature": [0.9, 1.0]}, **settings)


def test_the_last_generation_is_the_greatest_wherever_it_stands() -> None:
    shuffled = DATA.sel(generation=[100, 0, 30])
    xr.testing.assert_identical(shuffled.collapse.summary(), DATA.collapse.summary())
    xr.testing.assert_identical(shuffled.collapse.classify(), DATA.collapse.classify())
    assert "after 100 generations" in shuffled.collapse.plot.phase()._suptitle.get_text()
    assert printed(shuffled).splitlines()[0].strip().startswith("After 100 generations")


def test_a_dataset_in_chunks_tells_the_same(drift: xr.Dataset) -> None:
    chunked = DATA.chunk({"samples": 1, "replicate": 2})
    for tell in (
        lambda data: data.collapse.summary(),
        lambda data: data.collapse.classify(),
        lambda data: data.collapse.collapse_time(),
        lambda data: data.collapse.half_life(),
        lambda data: data.collapse.scaling("entropy", "samples", curves=["temperature"]),
    ):
        found = tell(chunked)
        xr.testing.assert_identical(found, tell(DATA))
        assert not found.chunks
    assert chunked.collapse.missing().equals(DATA.collapse.missing())
    for draw in (chunked.collapse.plot.phase, chunked.collapse.plot.recovery):
        assert draw().axes
    told = drift.chunk({"temperature": 1}).collapse
    xr.testing.assert_identical(told.theory("entropy"), drift.collapse.theory("entropy"))
    assert told.plot.theory("collision_probability").axes


@pytest.mark.parametrize("name", ["entropy", "collision_probability"])
def test_theory_refuses_cells_whose_coordinates_are_gone(drift: xr.Dataset, name: str) -> None:
    cold = drift.sel(temperature=0.9)
    with pytest.raises(ValueError, match="does not apply here; it needs"):
        cold.collapse.theory(name)
    for part in (
        cold.drop_vars("temperature"),
        drift.sel(temperature=0.9, drop=True),
        drift.rename(temperature="heat"),
        drift.drop_vars("temperature"),
    ):
        with pytest.raises(ValueError, match="lacks the coordinate 'temperature'"):
            part.collapse.theory(name)
    with pytest.raises(ValueError, match="lacks the coordinate 'samples'"):
        drift.drop_vars("samples").collapse.theory(name)
    with pytest.raises(ValueError, match="lacks the coordinate 'update'"):
        drift.drop_vars("update").drop_attrs(deep=False).collapse.theory(name)


def test_verdicts_refuse_cells_whose_model_is_gone() -> None:
    process = {"vocab_size": 4, "update": "refit", "samples": 5, "trace_length": 2}
    settings: dict[str, Any] = {"generations": 1, "replicates": 2, "observables": ["default"]}
    data = run(process, {"model": ["categorical", "persona"]}, **settings)
    assert data.collapse.classify().verdict.dims == ("model",)
    with pytest.raises(ValueError, match="lacks the coordinate 'model'"):
        data.sel(model="persona", drop=True).collapse.classify()


def test_smoothing_counts_the_tokens_that_p0_has() -> None:
    """Tokens of probability 0 get no part of it. So without p0, and without how many tokens it has, nothing is told."""
    process = {"update": "refit", "samples": 5, "smoothing": 1.0, "initial": values([0.6, 0.4, 0.0, 0.0])}
    settings: dict[str, Any] = {"generations": 10, "replicates": 4000, "record": {"every": 5}}
    data = run(process, observables=["collision_probability", "support_size"], **settings)
    told = data.collapse.theory("collision_probability")
    found = data.collision_probability.astype(float)
    error = found.std("replicate") / np.sqrt(4000)
    assert (abs(found.mean("replicate") - told) <= 4.5 * error + 1e-6).all()
    unknown = data.drop_attrs(deep=False)
    with pytest.raises(ValueError, match=r"does not apply here; .* with smoothing, also the number of tokens of p0"):
        unknown.collapse.theory("collision_probability")
    whole = run({**process, "initial": values([0.4, 0.3, 0.2, 0.1])}, observables=["default"], generations=2)
    known = whole.collapse.theory("collision_probability")
    same = whole.drop_attrs(deep=False).collapse.theory("collision_probability")
    np.testing.assert_allclose(same, known, rtol=1e-6)
    with pytest.raises(ValueError, match="does not apply here; it needs"):
        whole.drop_attrs(deep=False).drop_vars("support_size").collapse.theory("collision_probability")


def test_how_many_values_are_known_is_told_where_it_is_not_all() -> None:
    """No temperature brings back what has an infinite gap, so that it has no recovery temperature either."""
    found = DATA.collapse.summary()
    known = DATA.smoothed_recovery_temperature.sel(generation=100).where(DATA.status == 1).notnull().sum("replicate")
    assert (found.smoothed_recovery_temperature_known == known).all()
    assert (known < found.counted).any()
    assert [name for name in found.data_vars if str(name).endswith("_known")] == ["smoothed_recovery_temperature_known"]


def test_a_control_parameter_without_limit_leaves_its_cells_out() -> None:
    assert float(theory.refit_control(samples=INF, temperature=0.9)) == INF
    assert float(theory.refit_control(samples=INF, temperature=1.1)) == -INF
    assert np.isnan(theory.refit_control(samples=INF, temperature=1.0))
    assert float(theory.sgd_control(batch_size=4, temperature=0.0, learning_rate=0.1)) == INF
    assert float(theory.sgd_control(batch_size=4, temperature=INF, learning_rate=0.1)) == -40
    finite, whole = (
        data.collapse.scaling("entropy", theory.refit_control, curves=["samples"])
        for data in (DATA.sel(samples=[10.0, 100.0]), DATA)
    )
    np.testing.assert_array_equal(whole.spread, finite.spread)


def test_one_replicate_has_no_interval_and_is_called_so(drift: xr.Dataset) -> None:
    one = drift.isel(replicate=[0])
    found = one.collapse.summary(["entropy"]).entropy_mean
    assert found.sel(bound=["low", "high"]).isnull().all()
    assert found.sel(bound="estimate").notnull().all()
    assert "points: one replicate, lines" in one.collapse.plot.theory("collision_probability")._suptitle.get_text()


def test_an_end_that_resamples_do_not_tell_is_drawn() -> None:
    """Of twelve trajectories one has kept two tokens: the mean may be anything up to 1."""
    process = {"update": "refit", "vocab_size": 2, "samples": 4, "initial": {"kind": "uniform"}}
    data = run(process, generations=2, replicates=12, record={"every": 1}, observables=["collision_probability"])
    data["collision_probability"][:, 1] = [0.5] * 11 + [1.0]
    bounds = data.collapse.summary(generation=1).collision_probability_mean
    assert bounds.sel(bound="high") == 1
    points = data.collapse.plot.theory("collision_probability").axes[0].containers[0]
    (whiskers,) = points.lines[2]
    assert whiskers.get_segments()[1][1][1] == pytest.approx(1.0)


def test_few_replicates_are_never_sure() -> None:
    """Two that agree do so by chance with probability 1/4, if each is as likely on either side of a threshold."""
    for number, most in ((2, 0.75), (4, 0.9375)):
        assert (DATA.isel(replicate=[-1] * number, samples=[1, 2]).collapse.classify().confidence == most).all()


WITHOUT: list[tuple[Callable[[xr.Dataset], Any], str]] = [
    (lambda data: data.isel(replicate=0).collapse.summary(), "lacks the dimension 'replicate', over which"),
    (lambda data: data.mean("replicate").collapse.summary(), "lacks the dimension 'replicate', over which"),
    (lambda data: data.isel(replicate=0).collapse.classify(), "lacks the dimension 'replicate', over which"),
    (
        lambda data: data.isel(replicate=[]).collapse.summary(),
        "the dataset is empty along 'replicate'",
    ),
    (lambda data: data.isel(samples=[]).collapse.classify(), "the dataset is empty along 'samples'"),
    (lambda data: data.isel(generation=[]).collapse.summary(), "lacks the dimension 'generation'"),
    (lambda data: data.drop_vars("status").collapse.summary(), "lacks the variable 'status'"),
    (lambda data: data.drop_vars("status").collapse.missing(), "lacks the variable 'status'"),
    (lambda data: data.drop_attrs().collapse.summary(), "'status' lacks the attributes flag_values"),
    (lambda data: data.drop_attrs().collapse.collapse_time(), "'status' lacks the attributes flag_values"),
    (
        lambda data: data.collapse.summary("entropy"),
        "variables = 'entropy' is not a list of names",
    ),
    (
        lambda data: data.sel(generation=100).collapse.plot.trajectories("entropy"),
        "lacks the dimension 'generation'; select",
    ),
    (lambda data: data.collapse.collapse_time(generations=[]), r"generations = \[\] is not a list of generations"),
    (
        lambda data: data.collapse.collapse_time(generations=[-1, 5]),
        "generations contains -1; the first generation is 0",
    ),
]


@pytest.mark.parametrize(("ask", "message"), WITHOUT)
def test_what_cannot_be_done_without_is_named(ask: Callable[[xr.Dataset], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask(DATA)


def test_arguments_of_other_types_are_refused_in_words() -> None:
    """In a process of its own, where nothing but the functions themselves checks types."""
    code = """
from tests.support.datasets import made
import jaxcollapse
data = made({})
for ask, told in (
    (lambda: data.collapse.summary(generation="last"), "generation = 'last' is not a number"),
    (lambda: data.collapse.summary(generation=[0, 10]), "generation = [0, 10] is not a number"),
    (lambda: data.collapse.collapse_time(generations=5), "generations = 5 is not a list of generations"),
):
    try:
        ask()
    except ValueError as error:
        assert told in str(error), error
    else:
        raise AssertionError(told)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
