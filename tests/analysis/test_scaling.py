"""The collapse of curves as a number: zero where theory has one curve, large along a wrong axis, and sure to be so."""

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

from jaxcollapse import theory
from tests.support.datasets import INF, NAN, made
from tests.support.statistics import SIGMAS, assert_mean
from tests.support.sweeps import run, values

P0 = [0.6, 0.4]
CONTROLS = np.array([-4.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0])
FLAGS = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "missing complete diverged"}


def squared_control(samples: float, temperature: float) -> float:
    """A wrong one."""
    return samples**2 * (1 / temperature - 1)


def scaled_time(generation: float, samples: float) -> float:
    return generation / samples


def cells(outcomes: np.ndarray, **coordinates: Any) -> xr.Dataset:
    """A dataset of cells side by side, of outcomes [cell, replicate] or [cell, replicate, generation]."""
    dims = ("cell", "replicate", "generation")
    status = np.ones(outcomes.shape[:2], np.int8)
    data = {
        "share": (dims[: outcomes.ndim], outcomes, {"long_name": "share", "units": "1"}),
        "status": (dims[:2], status, FLAGS),
    }
    times = coordinates.pop("generation", [0])
    return xr.Dataset(
        data, {**{name: ("cell", np.asarray(each)) for name, each in coordinates.items()}, "generation": times}
    )


def refits(win: Callable[..., Any], samples: list[int]) -> xr.Dataset:
    """The probability that the first of two tokens wins, from theory, without noise."""
    number, control = (each.ravel() for each in np.meshgrid(samples, CONTROLS, indexing="ij"))
    temperature = 1 / (1 + control / number)
    told = [float(win(P0, samples=int(n), temperature=t)) for n, t in zip(number, temperature, strict=True)]
    return cells(np.array(told)[:, None].repeat(2, axis=1), samples=number, temperature=temperature)


def spreads(data: xr.Dataset, *abscissas: Any, curves: list[str], **more: Any) -> np.ndarray:
    return data.collapse.scaling("share", *abscissas, curves=curves, **more).spread.values


def test_exact_curves_of_refits_fall_on_one_another_along_the_control_parameter_alone() -> None:
    axes = ("temperature", theory.refit_control, squared_control)
    before, after, wrong = spreads(refits(theory.diffusion_win_probability, [25, 100, 400]), *axes, curves=["samples"])
    assert (after < 1e-8).all()
    assert (before > 0.1).all()
    assert (wrong > 0.05).all()
    np.testing.assert_allclose(before, before[0], rtol=1e-12)  # where nothing is random, bounds are no others


def test_the_spread_of_the_exact_chain_is_the_error_of_its_diffusion_limit() -> None:
    few, many = (
        spreads(refits(theory.two_token_win_probability, sizes), theory.refit_control, curves=["samples"])[0, 0]
        for sizes in ([20, 40], [80, 160])
    )
    assert 0 < many < 0.01
    assert few / many == pytest.approx(4, rel=0.1), "the error is of order 1/N"


def test_exact_curves_of_descent_fall_on_one_another_along_the_control_parameter_alone() -> None:
    grid = itertools.product([1, 16], [0.05, 0.2], [0.25, 1.0, 4.0])
    settings = [(size, rate, 1 / (1 + control * rate / size)) for size, rate, control in grid]
    fields = dict(zip(("batch_size", "learning_rate", "temperature"), zip(*settings, strict=True), strict=True))
    told = [float(theory.sgd_win_probability(P0, **dict(zip(fields, cell, strict=True)))) for cell in settings]
    data = cells(np.array(told)[:, None].repeat(2, axis=1), **fields)
    before, after = spreads(data, "temperature", theory.sgd_control, curves=["batch_size", "learning_rate"])[:, 0]
    assert after < 1e-8
    assert before > 0.05


def test_the_spread_is_the_root_mean_square_of_differences_at_the_same_place() -> None:
    """Two straight lines, one unit apart, with points at other places; 7 of them have the other line beside them."""
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 1.75, 3.0, 5.0])
    line = np.repeat([0, 1], [5, 4])
    data = cells((2 * x + line)[:, None], place=x, line=line)
    told = data.collapse.scaling("share", "place", curves=["line"])
    assert told.spread.values[0, 0] == pytest.approx(1.0)
    assert told.comparisons.item() == 7
    assert np.isnan(told.spread.values[0, 1:]).all(), "a single trajectory tells nothing of noise"
    assert np.isnan(told.noise.item())


def drawn(apart: float, number: int, draw: np.random.Generator) -> xr.Dataset:
    """Two curves of eight points that are this far apart, in shares of outcomes that are 0 or 1."""
    x = np.tile(np.linspace(0.2, 0.6, 8), 2)
    line = np.repeat([0, 1], 8)
    happened = draw.random((16, number)) < (x + apart * line)[:, None]
    return cells(happened.astype(float), place=x, line=line)


@cache
def trials(apart: float) -> dict[str, np.ndarray]:
    """What is told of 200 datasets with curves that are this far apart."""
    draw = np.random.default_rng(1)
    told = [drawn(apart, 100, draw).collapse.scaling("share", "place", curves=["line"]) for _ in range(200)]
    return {name: np.array([each[name].values[0] for each in told]) for name in ("spread", "noise", "quality")}


@pytest.mark.parametrize("apart", [0.0, 0.04, 0.2])
def test_the_bounds_hold_the_true_spread_as_often_as_they_say(apart: float) -> None:
    """At 0 only the lower bound can fail. A hundredth is left to a bootstrap, which is only nearly right."""
    _, low, high = trials(apart)["spread"].T
    covered = (low <= apart) & (apart <= high)
    wanted = 0.95 if apart else 0.975
    assert abs(covered.mean() - wanted) < SIGMAS * np.sqrt(wanted * (1 - wanted) / covered.size) + 0.01


@pytest.mark.parametrize("apart", [0.0, 0.04, 0.2])
def test_the_mean_square_that_is_observed_is_that_of_the_curves_and_of_noise(apart: float) -> None:
    told = trials(apart)
    observed, noise = told["quality"] * told["noise"] ** 2, told["noise"] ** 2
    assert_mean(observed - noise, apart**2)


def test_curves_that_differ_by_noise_alone_have_quality_one() -> None:
    assert_mean(trials(0.0)["quality"], 1.0, resolves=0.2)


def test_a_trajectory_keeps_its_noise_from_one_generation_to_the_next() -> None:
    """Curves over time: noise that stays is of the same mean square as noise that does not, but its law is wider."""
    draw, times = np.random.default_rng(3), np.arange(1.0, 41.0)
    samples = np.array([1.0, 2.0])
    noise = draw.normal(size=(2, 64, 1))
    stays = cells(noise + 0 * times, samples=samples, generation=times)
    told = stays.collapse.scaling("share", "generation", curves=["samples"])
    means = noise[..., 0].mean(axis=1)
    assert told.noise.item() == pytest.approx(np.sqrt(noise[..., 0].var(axis=1, ddof=1).sum() / 64))
    assert told.quality.item() == pytest.approx((means[1] - means[0]) ** 2 / told.noise.item() ** 2)
    fresh = cells(draw.normal(size=(2, 64, 40)), samples=samples, generation=times)
    wide, narrow = (spreads(each, "generation", curves=["samples"])[0, 2] for each in (stays, fresh))
    assert wide > 1.5 * narrow


def test_curves_over_time_fall_on_one_another_along_scaled_time() -> None:
    times = np.arange(0.0, 41.0)
    samples = np.array([5.0, 10.0, 20.0])
    share = np.exp(-times / samples[:, None])[:, None, :].repeat(2, axis=1)
    data = cells(share, samples=samples, generation=times)
    before, after = spreads(data, "generation", scaled_time, curves=["samples"])[:, 0]
    assert before > 0.2
    assert after < 0.2**2 / 8, "a straight line between points 0.2 apart is that far from e^−x, at most"


def test_a_simulated_refit_collapses_within_noise() -> None:
    number, control = (each.ravel() for each in np.meshgrid([20, 160], [-1.0, 0.0, 2.0, 6.0], indexing="ij"))
    data = run(
        {"update": "refit", "initial": values(P0)},
        {"cell": {"zip": {"samples": number.astype(int), "temperature": 1 / (1 + control / number)}}},
        generations=1600,
        replicates=2000,
        record={"every": 1600},
        observables=["mode_is_original"],
    )
    told = data.collapse.scaling("mode_is_original", "temperature", theory.refit_control, curves=["samples"])
    before, after = told.spread.values
    assert before[1] > after[2], "the bounds do not meet"
    assert after[1] == 0, "noise explains what is left"
    assert after[2] < 0.04
    assert told.abscissa.values.tolist() == ["sampling temperature", "N (1/T − 1)"]


def test_points_without_a_value_are_left_out() -> None:
    """A cell that was not computed, one with a diverged trajectory, and infinite gaps, which have no mean."""
    data = made({"samples": [1.0, 10.0], "temperature": [0.8, 0.9, 1.0, 1.2]}, replicates=9)
    whole = data.collapse.scaling("entropy", "temperature", curves=["samples"], generation=30)
    assert whole.comparisons.item() == 6, "of the four temperatures one is not computed at samples = 1"
    finite = np.isfinite(data.recovery_gap.sel(generation=100)).all("replicate") & data.status.any("replicate")
    assert not finite.all()
    gaps = data.collapse.scaling("recovery_gap", "temperature", curves=["samples"])
    assert gaps.comparisons.item() < 6
    endless = made({"samples": [1.0, 10.0], "batch_size": [1.0, 2.0, 4.0, INF]}, replicates=9)
    assert endless.collapse.scaling("entropy", "batch_size", curves=["samples"], generation=30).comparisons.item() == 4
    lonely = cells(np.zeros((4, 3)), place=[0.0, 1.0, 2.0, 3.0], line=[0, 0, 1, 1])
    told = lonely.collapse.scaling("share", "place", curves=["line"])
    assert told.comparisons.item() == 0
    assert np.isnan(told.spread).all()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "coordinate": ({"abscissas": ["temprature"]}, "'temprature' is not a coordinate .*did you mean 'temperature'"),
    "argument": ({"abscissas": [theory.sgd_control]}, "'batch_size' is not a coordinate"),
    "text": ({"abscissas": ["corpus"]}, "the coordinate 'corpus' is not numeric"),
    "no axis": ({"abscissas": []}, "give a horizontal axis"),
    "a name": ({"curves": "samples"}, r"curves = 'samples' is not a list of coordinates"),
    "curve": ({"curves": ["sample"]}, "'sample' is not a coordinate .*did you mean 'samples'"),
    "twice": (
        {"curves": ["corpus"]},
        r"curves = \['corpus'\]: the curve replace has several points at temperature = 1;",
    ),
    "confidence": ({"confidence": 1.0}, "confidence = 1.0 is not between 0 and 1"),
    "generation": ({"generation": 7}, "generation = 7 is not recorded"),
    "tokens": ({"name": "logits"}, "'logits' has several values along 'token'; select one of them"),
    "event": (
        {"name": "collapse_time", "abscissas": ["generation"]},
        "'collapse_time' does not depend on 'generation'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_no_curves_is_refused_with_its_name(what: str) -> None:
    data = made({"corpus": ["replace", "window"], "samples": [1.0, INF], "temperature": [0.8, 1.0]})
    data = data.assign(logits=data.entropy.expand_dims(token=3))
    given, message = REFUSED[what]
    given = {"name": "entropy", "abscissas": ["temperature"], "curves": ["corpus", "samples"], **given}
    with pytest.raises(ValueError, match=message):
        data.collapse.scaling(given.pop("name"), *given.pop("abscissas"), **given)


def test_a_picture_shows_the_curves_along_each_axis_and_their_spread() -> None:
    data = refits(theory.two_token_win_probability, [25, 100]).assign_attrs(title="Two tokens")
    figure = data.collapse.plot.scaling("share", "temperature", theory.refit_control, curves=["samples"])
    first, second = figure.axes
    assert (first.get_xlabel(), second.get_xlabel()) == ("temperature", "N (1/T − 1)")
    told = data.collapse.scaling("share", "temperature", theory.refit_control, curves=["samples"]).spread
    for panel, numbers in zip((first, second), told.values, strict=True):
        assert panel.get_title().startswith(f"spread {numbers[0]:.2g} (")
    for container, number in zip(second.containers, (25, 100), strict=True):
        line = container.lines[0]
        np.testing.assert_allclose(line.get_xdata(), CONTROLS, atol=1e-12)
        np.testing.assert_allclose(line.get_ydata(), data.share.values[data.samples == number, 0])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["25", "100"]
    assert "Two tokens" in figure._suptitle.get_text()
    assert NAN not in first.get_ylim()
