"""Where something changes along an axis: what a line's crossing is, and how odd lines are reported."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from jaxcollapse import theory
from jaxcollapse.analysis.crossing import SIDES, Crossing, crossing, is_logarithmic, position
from jaxcollapse.analysis.proportion import proportion_interval
from jaxcollapse.analysis.verdict import VERDICTS
from tests.support.datasets import INF, NAN, SHAPES, made
from tests.support.statistics import SIGMAS
from tests.support.sweeps import run, values

CONFIDENCE = 0.95
TWO = [0.6, 0.4]


def line(*estimates: float, width: float = 0.0) -> np.ndarray:
    """A curve whose intervals reach this far to either side."""
    middle = np.array(estimates)
    return np.stack([middle, middle - width, middle + width], axis=-1)


def side(found: Crossing) -> str:
    return SIDES[found.side]


def test_a_crossing_is_interpolated_between_its_neighbours_and_bounded_by_them() -> None:
    found = crossing(np.array([1.0, 2.0, 4.0, 5.0]), line(-2.0, -1.0, 3.0, 4.0), 0.0)
    assert found == Crossing(2.5, 2.0, 4.0, 1, 1, SIDES.index("crosses"), 1)
    falling = crossing(np.array([1.0, 2.0, 4.0, 5.0]), line(4.0, 3.0, -1.0, -2.0), 0.0)
    assert falling == Crossing(3.5, 2.0, 4.0, 1, 1, SIDES.index("crosses"), -1)


def test_estimates_that_fall_from_the_level_itself_cross_it_at_the_first_value() -> None:
    for last in (4.0, INF):
        found = crossing(np.array([1.0, 2.0, last]), line(0.0, -1.0, -2.0), 0.0)
        assert (found.estimate, found.direction) == (1.0, -1)


def test_the_place_is_on_the_scale_of_the_axis() -> None:
    decades = np.array([0.01, 0.1, 1.0])
    assert is_logarithmic(decades)
    assert crossing(decades, line(-1.0, -1.0, 1.0), 0.0).estimate == pytest.approx(10**-0.5)
    assert not is_logarithmic(np.array([0.0, 10.0, 20.0])), "0 has no logarithm"
    assert not is_logarithmic(np.array([1.0, 10.0, 20.0, 30.0])), "steps are more even than ratios"
    assert crossing(np.array([1.0, 16.0, INF]), line(-1.0, -1.0, 3.0), 0.0).estimate == pytest.approx(16 / 0.75)
    assert crossing(np.array([0.0, 1.0]), line(-1.0, 1.0), 0.0).estimate == 0.5


@pytest.mark.parametrize("x", [[0.8, 0.9, 1.2], [0.01, 1.0, 100.0], [1.0, 16.0, INF], [0.0, 1.0, INF]])
def test_a_picture_draws_a_place_where_the_estimate_found_it(x: list[float]) -> None:
    axis = np.array(x)
    for estimates, index in (([-1.0, 3.0, 4.0], 0.25), ([-4.0, -1.0, 3.0], 1.25)):
        place = crossing(axis, line(*estimates), 0.0).estimate
        assert position(axis, place, is_log=is_logarithmic(axis)) == pytest.approx(index)
    assert [position(axis, end, is_log=False) for end in (-INF, *x)] == [-0.5, 0.0, 1.0, 2.0]


def test_values_that_are_not_sure_widen_the_bounds_up_to_the_ends_of_the_axis() -> None:
    x = np.arange(5.0)
    found = crossing(x, line(-3.0, -1.0, 1.0, 3.0, 5.0, width=2.0), 0.0)
    assert (found.lower, found.estimate, found.upper) == (0.0, 1.5, 3.0)
    open_ended = crossing(x, line(-1.0, -1.0, -1.0, 1.0, 1.0, width=2.0), 0.0)
    assert (open_ended.lower, open_ended.estimate, open_ended.upper) == (-INF, 2.5, INF)
    assert open_ended.certain == 0


def test_a_line_on_one_side_has_no_boundary_and_says_on_which_side_it_is() -> None:
    x = np.arange(3.0)
    for sign, word in ((-1.0, "below"), (1.0, "above")):
        sure = crossing(x, line(*(sign * np.array([1.0, 2.0, 3.0]))), 0.0)
        assert np.isnan([sure.estimate, sure.lower, sure.upper]).all()
        assert (side(sure), sure.crossings, sure.direction) == (word, 0, 0)
    nearly = crossing(x, line(-5.0, -4.0, -1.0, width=2.0), 0.0)
    assert side(nearly) == "below"
    assert np.isnan(nearly.estimate)
    assert (nearly.lower, nearly.upper) == (1.0, INF), "it may cross where that is not sure"
    assert side(crossing(x, line(NAN, NAN, NAN), 0.0)) == "unknown"


def test_several_crossings_are_counted_and_enclosed() -> None:
    found = crossing(np.arange(6.0), line(2.0, 1.0, -3.0, -3.0, 1.0, 2.0), 0.0)
    assert (found.crossings, found.certain) == (2, 2)
    assert np.isnan(found.estimate)
    assert (found.lower, found.upper) == (1.0, 4.0)
    thrice = crossing(np.arange(4.0), line(-1.0, 1.0, -1.0, 1.0), 0.0)
    assert (thrice.crossings, thrice.certain) == (3, 3)
    assert np.isnan(thrice.estimate), "there are three boundaries for sure"


def test_noise_that_crosses_several_times_has_the_crossing_of_the_monotone_curve() -> None:
    found = crossing(np.arange(6.0), line(-9.0, -1.0, 2.0, -1.0, 3.0, 9.0, width=4.0), 0.0)
    assert (found.crossings, found.certain) == (3, 1)
    assert 0.0 < found.lower + 1 <= found.estimate <= found.upper < 6.0
    # The fit is -9, -1, 0.5, 0.5, 3, 9.
    assert found.estimate == pytest.approx(1 + 1 / 1.5)


def test_a_value_without_an_estimate_is_left_out() -> None:
    x = np.arange(4.0)
    assert crossing(x, line(-1.0, NAN, 1.0, 2.0), 0.0).upper == 2.0
    infinite = crossing(x, line(-1.0, -1.0, INF, INF), 0.0)
    assert (infinite.estimate, infinite.upper) == (1.5, 2.0)


@pytest.mark.parametrize("chances", [[0.5] * 10, [0.0] * 5 + [0.5] + [1.0] * 4], ids=["flat", "steep"])
def test_bounds_are_wrong_no_more_often_than_one_sided_intervals(chances: list[float]) -> None:
    """The worst curves: all values are at the level itself but for the sign, or the neighbour of the boundary is."""
    generator, x, replicates = np.random.default_rng(1), np.arange(10.0), 64
    happened = generator.binomial(replicates, chances, size=(8000, x.size))
    curves = proportion_interval(happened, np.full(happened.shape, replicates), CONFIDENCE)
    found = [crossing(x, curve, 0.5) for curve in curves]
    wrong = np.mean([not (one.lower <= 4.5 <= one.upper) for one in found])
    assert wrong <= 1 - CONFIDENCE
    if chances[0] == 0:  # here the bounds are as narrow as their confidence allows
        rare = stats.binom(replicates, 0.5).cdf(np.arange(replicates + 1))
        expected = rare[rare <= (1 - CONFIDENCE) / 2].max()
        assert abs(wrong - expected) < SIGMAS * np.sqrt(expected / len(found))


def test_the_bounds_contain_the_share_of_real_data_from_which_on_infinite_samples_stay_diverse() -> None:
    """Without noise the bounds are the neighbours of 1 − T."""
    temperature = 0.72
    grid = np.linspace(0.05, 0.65, 13).round(6)
    data = run(
        {
            "update": "refit",
            "samples": INF,
            "temperature": temperature,
            "initial": values([0.5 + 1e-9, 0.5 - 1e-9]),
        },
        {"fresh_fraction": grid.tolist()},
        generations=1500,
        replicates=8,
        observables=["modal_probability"],
        precision="float64",
    )
    found = data.collapse.boundary("fresh_fraction", "modal_probability", level=0.51)
    truth = float(theory.diverse_threshold(temperature=temperature))
    assert float(found.lower) <= truth <= float(found.upper)
    assert float(found.upper - found.lower) == pytest.approx(0.05)


def test_the_share_of_verdicts_is_that_of_replicates_on_their_own() -> None:
    data = made({"temperature": [0.5, 1.0, 2.0], "samples": [5.0, 20.0, INF]}, replicates=40)
    became = data.collapse.classify()
    found = data.collapse.boundary("temperature", verdict=["cooled", "forgetting"], level=0.4)
    shares = became.share.sel(outcome=["cooled", "forgetting"]).sum("outcome").where(became.counted > 0)
    for samples in data.samples.values:
        own = shares.sel(samples=samples).values
        own = own[~np.isnan(own)]
        above = own >= 0.4
        assert int(found.crossings.sel(samples=samples)) == np.count_nonzero(np.diff(above.astype(int)))
    assert set(found.dims) == {"samples"}


def test_the_order_of_an_axis_does_not_matter() -> None:
    data = SHAPES["two axes"]
    again = data.isel(samples=[2, 0, 1])
    options: dict[str, Any] = {"of": "entropy", "level": 1.5}
    xr.testing.assert_identical(
        data.collapse.boundary("samples", **options).drop_vars("generation"),
        again.collapse.boundary("samples", **options).drop_vars("generation"),
    )


@pytest.mark.parametrize("shape", [name for name in SHAPES if name not in ("no axis", "one value")])
def test_any_dataset_has_boundaries_of_any_quantity(shape: str) -> None:
    data = SHAPES[shape]
    for of, level in (("verdict", None), ("entropy", 1.0), ("mode_is_original", None), ("collapse_time", 50.0)):
        found = data.collapse.boundary("temperature", of, level)
        assert "temperature" not in found.dims
        assert (found.lower.isnull() == found.upper.isnull()).all()
    data.collapse.plot.phase(boundary="temperature", y="temperature").canvas.draw()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axis": "temprature"}, "did you mean 'temperature'"),
        ({"axis": "corpus"}, "does not have numbers"),
        ({"axis": "temperature", "of": "entropy"}, "level is missing"),
        ({"axis": "temperature", "of": "entropi", "level": 1.0}, "did you mean 'entropy'"),
        ({"axis": "temperature", "verdict": "forgeting"}, "did you mean 'forgetting'"),
        ({"axis": "temperature", "verdict": []}, "empty list"),
        ({"axis": "temperature", "of": "entropy", "level": 1.0, "statistic": "mode"}, "neither 'mean' nor 'median'"),
        ({"axis": "temperature", "confidence": 1.0}, "not between 0 and 1"),
        ({"axis": "temperature", "generation": 2}, "is not recorded"),
    ],
)
def test_what_has_no_boundary_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SHAPES["many values"].collapse.boundary(**options)


def test_a_zip_has_no_order_along_which_something_could_change() -> None:
    with pytest.raises(ValueError, match="several fields"):
        SHAPES["a zip"].collapse.boundary("pair")


def test_a_phase_diagram_draws_the_boundary_at_its_place() -> None:
    """One column, whose boundary is half way between the second and the third of four cells."""
    data = made({"temperature": [0.5, 1.0, 2.0, 4.0]}, replicates=20)
    data["status"] = data.status * 0 + 1
    data.status.attrs.update(SHAPES["one axis"].status.attrs)
    gap = np.where(np.arange(4) < 2, 0.0, INF)[:, None, None]
    for name in ("smoothed_recovery_gap", "smoothed_kl_to_initial", "order_gap"):
        data[name] = data[name].copy(data=np.broadcast_to(gap, data[name].shape))
    found = data.collapse.boundary("temperature")
    assert float(found.estimate) == pytest.approx(1.0 * 2**0.5) or float(found.estimate) == 1.5
    assert VERDICTS[int(data.collapse.classify().verdict[3])] in ("forgetting", "collapsed")
    picture = data.collapse.plot.phase(boundary=True)
    places = [each for artist in picture.axes[0].lines for each in np.unique(artist.get_xdata())]
    assert 1.5 in places
    assert {1.0, 2.0} <= set(places), "and its bounds"
    with pytest.raises(ValueError, match="not an axis of the picture"):
        data.collapse.plot.phase(boundary="samples")
