"""What the accessor tells of cells: summaries, verdicts and how sure they are, and what is missing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from jaxcollapse.analysis.summary import means
from jaxcollapse.analysis.verdict import NEEDED, VERDICTS, Thresholds, verdicts
from tests.analysis.test_verdict import COOLED, LOST, cells
from tests.support.datasets import INF, NAN, SHAPES, made
from tests.support.statistics import SIGMAS


@pytest.mark.parametrize("shape", SHAPES)
def test_a_summary_has_the_estimates_of_every_cell(shape: str) -> None:
    data = SHAPES[shape]
    found = data.collapse.summary()
    counted = data.where(data.status == 1).isel(generation=-1)
    axes = data.status.dims[:-1]
    assert found.entropy_median.dims == (*axes, "bound")
    mean = counted.entropy.mean("replicate")
    np.testing.assert_allclose(found.entropy_mean.sel(bound="estimate"), mean, rtol=1e-12)
    share = (counted.collapse_time <= 100).sum("replicate") / (data.status == 1).sum("replicate")
    np.testing.assert_allclose(found.collapse_time_share.sel(bound="estimate"), share)
    np.testing.assert_allclose(
        found.mode_is_original_share.sel(bound="estimate"), counted.mode_is_original.mean("replicate")
    )
    for name in found.data_vars:
        if "bound" in found[name].dims:
            low, estimate, high = (found[name].sel(bound=side).values for side in ("low", "estimate", "high"))
            assert ((low <= estimate) | np.isnan(low) | np.isnan(estimate)).all(), name
            assert ((estimate <= high) | np.isnan(high) | np.isnan(estimate)).all(), name
    assert int(found.counted.sum() + found.missing.sum() + found.diverged.sum()) == data.status.size


def test_a_summary_is_of_what_it_is_asked_for() -> None:
    data = made({"temperature": [0.8, 1.0]})
    found = data.collapse.summary(["recovery_gap", "half_life"], generation=10, confidence=0.8)
    assert set(found.data_vars) == {
        "recovery_gap_median", "recovery_gap_mean", "half_life_share", "counted", "missing", "diverged",
    }  # fmt: skip
    assert (found.attrs["generation"], found.attrs["confidence"]) == (10, 0.8)
    assert found.recovery_gap_mean.attrs == {"long_name": "mean recovery gap", "units": "nat"}
    here = data.sel(generation=10).isel(temperature=1, replicate=slice(1, None)).recovery_gap.values
    assert float(found.recovery_gap_mean[1].sel(bound="estimate")) == pytest.approx(here.mean())


def test_no_interval_ends_beyond_what_can_be() -> None:
    """One of many trajectories is unlike the others: a studentised interval reaches far below 0."""
    values = xr.DataArray(np.append(np.linspace(0.99, 0.999, 15), 0.2), dims="replicate")
    unbounded = means(values, 0.95).sel(bound=["low", "estimate", "high"]).values
    assert unbounded[0] < 0 < unbounded[1] < 1 < unbounded[2]
    bounded = means(values.assign_attrs(possible_range=[0.0, 1.0]), 0.95)
    assert bounded.sel(bound=["low", "estimate", "high"]).values.tolist() == [0, unbounded[1], 1]


def test_a_summary_refuses_what_is_not_there() -> None:
    data = made({})
    with pytest.raises(ValueError, match=r"'entrophy' is not an observable.*did you mean 'entropy'"):
        data.collapse.summary(["entrophy"])
    with pytest.raises(ValueError, match="generation = 12 is not recorded; the nearest recorded ones are 3, 10"):
        data.collapse.summary(generation=12)
    with pytest.raises(ValueError, match="lacks the dimension 'generation'"):
        data.isel(generation=0).collapse.summary()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_classification_has_the_verdicts(shape: str) -> None:
    data = SHAPES[shape]
    found = data.collapse.classify()
    xr.testing.assert_identical(found.verdict, verdicts(data))
    known = found.verdict >= 0
    np.testing.assert_allclose(found.share.sum("outcome").values[known.values], 1)
    assert (np.isnan(found.agreement) == ~known).all()
    for code, word in enumerate(VERDICTS):
        here = found.verdict == code
        np.testing.assert_allclose(
            found.share.sel(outcome=word).values[here.values], found.agreement.values[here.values]
        )


def test_agreement_counts_the_replicates_of_the_same_verdict() -> None:
    found = cells([COOLED, COOLED, COOLED, LOST, LOST], [1, 1, 1, 1, 2]).collapse.classify()
    assert VERDICTS[int(found.verdict)] == "cooled"
    assert float(found.agreement) == 0.75
    assert found.share.sel(outcome=["cooled", "forgetting"]).values.tolist() == [0.75, 0.25]
    assert int(found.counted) == 4


def test_confidence_is_how_often_resamples_have_the_same_median() -> None:
    """k of n replicates are lost: a resample's lower median is cooled if at least half of it is; exactly binomial."""
    for lost, number in ((3, 9), (4, 9), (1, 16)):
        found = cells([COOLED] * (number - lost) + [LOST] * lost).collapse.classify()
        exact = stats.binom.cdf(number - (number + 1) // 2, number, lost / number)
        error = np.sqrt(exact * (1 - exact) / 1000)
        assert abs(float(found.confidence) - exact) < SIGMAS * error + 1e-3
    assert np.isnan(cells([COOLED]).collapse.classify().confidence)


def test_thresholds_are_those_that_are_asked_for() -> None:
    data = cells([COOLED | {"smoothed_recovery_gap": 0.3, "order_gap": 0.3, "modal_probability": 0.9}] * 3)

    def word(**asked: float) -> str:
        return VERDICTS[int(data.collapse.classify(**asked).verdict)]

    assert word() == "forgetting"
    assert word(tolerance=0.5) == "cooled"
    assert word(collapse_threshold=0.2) == "collapsed"
    assert word(tolerance=4.0) == "unchanged"
    found = data.collapse.classify(tolerance=0.5, generation=0)
    assert found.attrs == {"tolerance": 0.5, "share": 0.5, "collapse_threshold": 0.01}
    assert VERDICTS[int(found.verdict)] == "unchanged"
    with pytest.raises(ValueError, match=r"tolerance = -1\.0"):
        data.collapse.classify(tolerance=-1.0)
    with pytest.raises(ValueError, match=r"collapse_threshold = 1\.5 is not at least 0 and below 1"):
        Thresholds(collapse=1.5)
    assert Thresholds(collapse=0.0).collapse == 0, "a sweep may ask for p = 1"


def test_missing_trajectories_are_told_by_cell() -> None:
    data = made({"temperature": [0.8, 1.0, INF]}, replicates=6)
    data.status[2, [1, 2, 4]] = 0
    table = data.collapse.missing()
    assert table.index.get_level_values("temperature").tolist() == ["0.8", "1", "∞"]
    assert table.values.tolist() == [[6, 0, "0–5", ""], [0, 1, "", "0"], [3, 0, "1–2, 4", ""]]
    assert data.isel(temperature=[0]).collapse.missing()["missing"].tolist() == [6]
    assert made({}).collapse.missing().empty
    zipped = SHAPES["a zip"].collapse.missing()
    assert zipped.index.names == ["temperature", "learning_rate, batch_size"]


def test_the_accessor_works_on_a_plain_file(tmp_path: Path) -> None:
    """Opened lazily by xarray alone, it tells the same as in memory."""
    data = SHAPES["a zip"]
    data.to_netcdf(tmp_path / "result.nc")
    with xr.open_dataset(tmp_path / "result.nc") as opened:
        xr.testing.assert_allclose(opened.collapse.summary(), data.collapse.summary())
        xr.testing.assert_allclose(opened.collapse.classify(), data.collapse.classify())
        xr.testing.assert_allclose(opened.collapse.half_life(), data.collapse.half_life())
        assert opened.collapse.missing().equals(data.collapse.missing())


def test_the_accessor_tells_what_it_offers() -> None:
    data = made({"temperature": [0.8, 1.0]}).assign_attrs(title="<b>\x1b")
    text = repr(data.collapse)
    assert text.splitlines()[0] == "<b>\\x1b (temperature: 2, replicates: 5; events: collapse_time, half_life)"
    for call in (".summary(", ".collapse_time(event", ".classify(", ".theory(", ".missing()", ".plot.recovery("):
        assert call in text
    assert "&lt;b&gt;" in data.collapse._repr_html_()
    assert ".trajectories(variable" in repr(data.collapse.plot)


def test_a_verdict_needs_its_observables() -> None:
    data = made({}).drop_vars(NEEDED[0])
    with pytest.raises(ValueError, match=f"needs the observables {NEEDED[0]}"):
        data.collapse.classify()
    assert NAN not in data.collapse.summary().counted


def test_what_is_not_asked_for_is_not_imported() -> None:
    """The package alone is light; matplotlib is imported when a picture is drawn."""
    code = """
import sys, jaxcollapse
assert not {"matplotlib", "scipy", "jaxcollapse.analysis"} & sys.modules.keys()
import xarray
assert hasattr(xarray.Dataset, "collapse")
assert "jaxcollapse.analysis" not in sys.modules
xarray.Dataset().collapse
assert not {"matplotlib", "scipy.stats"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
