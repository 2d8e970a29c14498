"""When events happen: against Kaplan and Meier's estimate as SciPy has it, by hand, and against known laws."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from jaxcollapse.analysis.survival import survival
from tests.support.datasets import INF, NAN, SHAPES, made
from tests.support.statistics import SIGMAS


def timed(times: np.ndarray, last: int) -> xr.Dataset:
    """A dataset of trajectories [cell, replicate] with these times, censored after the last generation."""
    seen = np.where(times > last, NAN, times)
    told = {"long_name": "collapse time", "units": "generation", "censoring": "missing if it has not happened"}
    flags = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "missing complete diverged"}
    done = xr.Variable(("cell", "replicate"), np.ones(times.shape, np.int8), flags)
    data = {"collapse_time": xr.Variable(("cell", "replicate"), seen, told), "status": done}
    return xr.Dataset(data, {"generation": np.arange(last + 1)})


def test_a_curve_is_this() -> None:
    """Six trajectories by hand: events at 2, 2, 5 and 9, two not by generation 10."""
    found = timed(np.array([[2.0, 2, 5, 9, 99, 99]]), 10).collapse.collapse_time().isel(cell=0)
    curve = found.survival.sel(bound="estimate").values
    np.testing.assert_allclose(curve[[0, 1, 2, 4, 5, 8, 9, 10]], np.array([6, 6, 4, 4, 3, 3, 2, 2]) / 6)
    assert found.median_time.values.tolist() == [5.0, 2.0, INF]
    assert float(found.restricted_mean_time.sel(bound="estimate")) == pytest.approx((2 + 2 + 5 + 9 + 10 + 10) / 6)
    assert (int(found.happened), int(found.censored)) == (4, 2)


def test_the_curve_is_that_of_kaplan_and_meier() -> None:
    times = np.ceil(np.random.default_rng(0).exponential(40, (3, 50)))
    found = timed(times, 60).collapse.collapse_time()
    for cell, here in enumerate(times):
        known = stats.CensoredData.right_censored(np.minimum(here, 60), here > 60)
        reference = stats.ecdf(known).sf
        np.testing.assert_allclose(
            found.survival.sel(bound="estimate")[cell], reference.evaluate(np.arange(61.0)), atol=1e-12
        )
        # Greenwood's interval is an approximation of the exact one, which is a little wider.
        bounds = reference.confidence_interval(method="log-log")
        exact = [float(found.survival[cell].sel(generation=30, bound=side)) for side in ("low", "high")]
        rough = [float(side.evaluate(30.0)) for side in (bounds.low, bounds.high)]
        np.testing.assert_allclose(exact, rough, atol=0.03)
        # The area under the curve is the restricted mean.
        area = float(found.survival.sel(bound="estimate")[cell, :-1].sum())
        assert float(found.restricted_mean_time[cell].sel(bound="estimate")) == pytest.approx(area)


def test_the_interval_of_the_median_time_covers_it_also_where_half_are_censored() -> None:
    """A geometric law, whose median is 35, watched for 40 generations: 95 % or more of the intervals have it."""
    cells = 2000
    rate = 1 - 0.5 ** (1 / 34.5)
    times = np.random.default_rng(1).geometric(rate, (cells, 24)).astype(float)
    found = survival(timed(times, 40), "collapse_time").median_time
    inside = (found.sel(bound="low") <= 35) & (found.sel(bound="high") >= 35)
    assert float(inside.mean()) > 0.95 - SIGMAS * np.sqrt(0.05 * 0.95 / cells)
    assert float(np.isinf(found.sel(bound="high")).mean()) > 0.3, "many are open above"


def test_what_is_missing_or_diverged_counts_neither_way() -> None:
    data = timed(np.array([[1.0, 2, 3, 99]]), 10)
    data.status[0, 0], data.status[0, 3] = 0, 2
    found = data.isel(cell=0).collapse.collapse_time()
    assert (int(found.happened), int(found.censored)) == (2, 0)
    data.status[:] = 0
    assert np.isnan(data.collapse.collapse_time().median_time).all()
    assert np.isnan(data.collapse.collapse_time().survival).all()


def test_a_shorter_part_of_a_dataset_is_censored_at_its_own_end() -> None:
    data = timed(np.array([[2.0, 7, 9, 99]]), 10)
    found = data.isel(cell=0).sel(generation=slice(0, 5)).collapse.collapse_time()
    assert (int(found.happened), int(found.censored)) == (1, 3)
    assert found.survival.generation.values.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_event_has_a_curve_in_every_shape(shape: str) -> None:
    data = SHAPES[shape]
    for event in ("collapse_time", "half_life"):
        curve = data.collapse.collapse_time(event=event).survival.sel(bound="estimate")
        assert curve.dims == (*data.status.dims[:-1], "generation")
        known = curve.dropna("generation", how="all")
        assert (known.diff("generation").fillna(0) <= 0).all()
    xr.testing.assert_identical(data.collapse.half_life(), data.collapse.collapse_time(event="half_life"))


def test_an_unknown_event_or_generation_is_refused() -> None:
    data = made({})
    with pytest.raises(ValueError, match=r"event = 'colapse_time'.*did you mean 'collapse_time'"):
        data.collapse.collapse_time(event="colapse_time")
    with pytest.raises(ValueError, match="101; the trajectories were observed until generation 100"):
        data.collapse.collapse_time(generations=[5, 101])
    with pytest.raises(ValueError, match=r"confidence = 95\.0 is not between 0 and 1"):
        data.collapse.collapse_time(confidence=95.0)
