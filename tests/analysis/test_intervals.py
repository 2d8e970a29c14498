"""Intervals cover what they should as often as they say: draws from known laws, and binomial errors of the coverage."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.median import median_interval, ranks
from jaxcollapse.analysis.possible import possible_range
from jaxcollapse.analysis.proportion import proportion_interval
from jaxcollapse.analysis.summary import means
from jaxcollapse.observables import OBSERVABLES
from tests.support.statistics import SIGMAS
from tests.support.sweeps import run

INF, NAN = float("inf"), float("nan")
CELLS = 4000
LAWS: dict[str, tuple[Callable, float, float]] = {  # how to draw, median, mean
    "normal": (lambda draw, size: draw.normal(size=size), 0.0, 0.0),
    "exponential": (lambda draw, size: draw.exponential(size=size), np.log(2), 1.0),
    "heavy": (lambda draw, size: draw.standard_t(5, size=size), 0.0, 0.0),
}


def covered(bounds: np.ndarray, truth: float) -> float:
    return float(((bounds[..., 1] <= truth) & (truth <= bounds[..., 2])).mean())


def error(share: float) -> float:
    """That of a share of the cells, as large as tests allow."""
    return SIGMAS * float(np.sqrt(share * (1 - share) / CELLS))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("number", [6, 16, 51])
def test_the_interval_of_a_median_covers_as_often_as_the_binomial_law_says(law: str, number: int) -> None:
    draw, median, _ = LAWS[law]
    rank = int(ranks(0.95, number)[number])
    exact = 1 - 2 * stats.binom.cdf(rank - 1, number, 0.5)
    assert exact >= 0.95 > 1 - 2 * stats.binom.cdf(rank, number, 0.5), "the narrowest that suffices"
    bounds = median_interval(draw(np.random.default_rng(1), (CELLS, number)), 0.95)
    assert abs(covered(bounds, median) - exact) < error(exact)


def test_medians_may_be_infinite_and_few_values_have_no_interval() -> None:
    table = np.array([[INF] * 6, [NAN, 1, 2, NAN, 3, 4], [NAN] * 6, [1, 2, 3, INF, INF, INF]])
    expected = [[INF, INF, INF], [2, NAN, NAN], [NAN, NAN, NAN], [3, 1, INF]]
    np.testing.assert_array_equal(median_interval(table, 0.95), expected)


@pytest.mark.parametrize(("number", "share"), [(5, 0.3), (16, 0.02), (64, 0.5)])
def test_the_interval_of_a_share_covers_as_often_as_its_law_says(number: int, share: float) -> None:
    """The coverage of Clopper and Pearson's interval is known exactly, and is no less than 95 %."""
    every = np.arange(number + 1)
    inside = proportion_interval(every, np.full(number + 1, number), 0.95)
    exact = float(((inside[:, 1] <= share) & (share <= inside[:, 2])) @ stats.binom.pmf(every, number, share))
    assert exact >= 0.95
    drawn = np.random.default_rng(2).binomial(number, share, CELLS)
    bounds = proportion_interval(drawn, np.full(CELLS, number), 0.95)
    assert abs(covered(bounds, share) - exact) < error(exact) + 1e-9


def test_the_interval_of_a_share_is_scipys() -> None:
    for happened, number in ((0, 7), (3, 7), (7, 7), (1, 400)):
        reference = stats.binomtest(happened, number).proportion_ci(0.9, "exact")
        found = proportion_interval(np.array(happened), np.array(number), 0.9)
        np.testing.assert_allclose(
            found, [happened / number, reference.low, reference.high], rtol=1e-7
        )  # SciPy searches for the bounds
    assert np.isnan(proportion_interval(np.array(0), np.array(0), 0.9)).all()


@pytest.mark.parametrize(
    ("law", "number", "slack"), [("normal", 16, 0.0), ("heavy", 32, 0.01), ("exponential", 32, 0.02)]
)
def test_the_interval_of_a_mean_covers_as_often_as_it_says(law: str, number: int, slack: float) -> None:
    """Within the error of the coverage, and a slack where values are not normal: bootstraps are only nearly right."""
    draw, _, mean = LAWS[law]
    bounds = mean_interval(draw(np.random.default_rng(3), (CELLS, number)), 0.95)
    assert abs(covered(bounds, mean) - 0.95) < error(0.95) + slack


def test_the_interval_of_a_mean_of_normal_values_is_about_students() -> None:
    values = np.random.default_rng(4).normal(3.0, 2.0, (300, 16))
    bounds = mean_interval(values, 0.95)
    width = 2 * stats.t.ppf(0.975, 15) * values.std(axis=1, ddof=1) / 4
    assert (bounds[:, 2] - bounds[:, 1]).mean() == pytest.approx(width.mean(), rel=0.06)


def test_several_equal_values_have_a_point_for_an_interval_and_one_or_infinite_ones_none() -> None:
    table = np.array([[0.1] * 7, [INF] * 7, [-INF, INF, 0, 0, 0, 0, 0], [NAN] * 7, [NAN] * 6 + [2.0]])
    found = mean_interval(table, 0.95)
    np.testing.assert_allclose(found[0], 0.1, rtol=1e-12)
    np.testing.assert_array_equal(found[1], [INF, NAN, NAN])
    rounded = np.array([[1.0] * 6 + [1 - 1e-6]])
    assert np.isinf(mean_interval(rounded, 0.95)).any()
    assert np.ptp(mean_interval(rounded.astype(np.float32), 0.95)) == 0, "in single precision these are equal"
    assert np.isnan(found[2:4]).all()
    np.testing.assert_array_equal(found[4], [2.0, NAN, NAN])


@pytest.mark.parametrize(("number", "share"), [(6, 0.3), (12, 0.2), (12, 0.9), (30, 0.1)])
def test_where_resamples_tell_no_end_of_a_mean_it_is_that_of_what_can_be(number: int, share: float) -> None:
    """Most values are 0, or 1. Intervals with such an end cover no less often than they say."""
    drawn = (np.random.default_rng(6).random((CELLS, number)) < share).astype(float)
    drawn = drawn[np.ptp(drawn, axis=1) > 0]
    untold, bounds = mean_interval(drawn, 0.95), mean_interval(drawn, 0.95, 0.0, 1.0)
    assert 0.2 < np.isinf(untold).any(axis=1).mean() < 1
    assert np.isfinite(bounds).all()
    open_ended = bounds[np.isinf(untold).any(axis=1)]
    assert covered(open_ended, share) > 0.95
    np.testing.assert_array_equal(mean_interval(np.array([[0.0] * 11 + [1.0]]), 0.95)[0, 2], INF)


def test_missing_values_leave_an_interval_as_if_they_were_not_there() -> None:
    values = np.random.default_rng(5).exponential(size=(3, 20))
    holes = np.insert(values, [3, 7, 20], NAN, axis=1)
    for interval in (mean_interval, median_interval):
        np.testing.assert_allclose(interval(holes, 0.9), interval(values, 0.9))


def test_intervals_of_means_end_where_the_cell_allows() -> None:
    """Support of 10 and of 200 tokens: a studentised interval of these replicates ends beyond."""
    support = np.repeat([[10.0], [200.0]], 12, axis=1)
    support[:, 0] = 5, 111
    values = xr.DataArray(
        support, {"vocab_size": ("cell", [10, 200]), "support_threshold": 1e-9}, ("cell", "replicate"), "support_size"
    )
    assert (mean_interval(support, 0.95)[:, 2] > [10, 200]).all()
    assert means(values, 0.95).sel(bound="high").values.tolist() == [10, 200]
    low = means(values.copy(data=[[1] * 11 + [7]] * 2), 0.95).sel(bound="low")
    assert low.values.tolist() == [1, 1], "one token at least"
    assert possible_range(values.assign_coords(support_threshold=0.01))[0].values.tolist() == [1, 0]


def test_personas_bound_what_is_told_of_personas_only() -> None:
    coordinates = {"model": ("cell", ["persona", "markov"]), "vocab_size": 8, "personas": ("cell", [6, 0])}
    covered = xr.DataArray(np.full((2, 6), 6.0), coordinates, ("cell", "replicate"), "personas_covered")
    covered[:, 0] = 4
    assert means(covered, 0.95).sel(bound="high").values[0] == 6
    information = covered.rename("mutual_information")
    np.testing.assert_allclose(possible_range(information)[1], np.log([6, 8]))
    assert np.isposinf(possible_range(information.drop_vars("vocab_size"))[1][1]), "wider where less is known"


def test_no_observable_of_a_run_leaves_its_possible_range() -> None:
    """From the start to a model that has nearly collapsed."""
    process = {"model": "persona", "personas": 3, "vocab_size": 5, "update": "refit", "samples": 2, "temperature": 0.7}
    names = ["diversity", "personas", "within_entropy", "mutual_information"]
    data = run(process, generations=6, replicates=4, observables=names)
    for name in set(data.data_vars) & set(OBSERVABLES):
        least, most = (float(end) for end in possible_range(data[name]))
        known = data[name].values[~np.isnan(data[name].values)]
        slack = 1e-5 * max(1.0, abs(known).max(initial=0, where=np.isfinite(known)))
        assert ((known >= least - slack) & (known <= most + slack)).all(), name
