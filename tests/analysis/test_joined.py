"""Datasets that xarray joins: cells that none of them has are missing, and settings of one do not stand for all."""

import numpy as np
import pytest
import xarray as xr

from jaxcollapse.analysis.table import summary_table
from jaxcollapse.analysis.verdict import VERDICTS, name_of, verdicts
from jaxcollapse.explore.answers import Answers
from jaxcollapse.report.answer import answer_of
from jaxcollapse.report.outcome import outcome_of
from tests.support.datasets import made
from tests.support.sweeps import run

LONG = made({"temperature": [0.5, 1.0], "samples": [5.0, 20.0]})
SHORT = made({"temperature": [2.0], "samples": [5.0]}, replicates=4)  # which are not all computed: see `made`
JOINS = {
    "concat": lambda: xr.concat([LONG, SHORT], "temperature", join="outer"),
    "combine": lambda: xr.combine_by_coords([LONG, SHORT], combine_attrs="override", join="outer"),
}


@pytest.mark.parametrize("join", JOINS)
def test_cells_of_an_l_shaped_union_that_no_study_has_are_missing(join: str) -> None:
    data = JOINS[join]()
    absent = {"temperature": 2.0, "samples": 20.0}
    assert np.isnan(data.status.sel(absent)).all(), "as xarray fills them"
    told = data.collapse.summary(["entropy"]).sel(absent)
    assert (int(told.missing), int(told.counted), int(told.diverged)) == (5, 0, 0)
    assert name_of(int(verdicts(data).sel(absent))) == "missing"
    table = data.collapse.missing()
    assert table.loc[("2", "20")].tolist() == [5, 0, "0–4", ""]
    assert table.loc[("2", "5")].tolist()[0] == 1, "of a study with fewer replicates those that are not there"
    assert "10 of 30 trajectories are not computed yet." not in answer_of(data, outcome_of(data)).sure
    missing = int(data.collapse.summary(["entropy"]).missing.sum())
    assert f"{missing} of 30 trajectories are not computed yet." in answer_of(data, outcome_of(data)).sure
    assert len(Answers(data).summary((2, 1)))
    summary_table(data)
    data.collapse.plot.phase().canvas.draw()
    assert int(data.collapse.collapse_time().happened.sel(absent)) == 0


def test_verdicts_of_joined_studies_refuse_several_collapse_thresholds() -> None:
    """Of 20 samples, 17 of one token are collapse by the first threshold, and not by the second."""
    process = {"update": "refit", "vocab_size": 6, "samples": 20}
    strict, lax = (
        run(process, generations=4, replicates=3, observables=["default"], collapse_threshold=threshold)
        for threshold in (1e-6, 0.6)
    )
    joined = xr.concat([strict, lax], "study")
    with pytest.raises(ValueError, match=r"collapse_threshold has the values 1e-06, 0\.6; select cells"):
        verdicts(joined)
    for place, one in enumerate((strict, lax)):
        assert verdicts(joined.isel(study=place)) == verdicts(one)
    assert VERDICTS[int(verdicts(lax))] == "collapsed" != VERDICTS[int(verdicts(strict))]
    with pytest.raises(ValueError, match="the law of 'collapse_time' does not apply here"):
        lax.collapse.theory("collapse_time")
    theory = joined.collapse.theory("collapse_time")
    assert np.isnan(theory.isel(study=1)).all()
    np.testing.assert_array_equal(theory.isel(study=0), strict.collapse.theory("collapse_time"))
    assert joined.collapse.classify(collapse_threshold=0.6).verdict.dims == ("study",)


def test_absent_cells_do_not_decide_which_model_a_dataset_has() -> None:
    data = made({"temperature": [0.5, 1.0]}).assign_coords(
        model=("temperature", np.array(["categorical", np.nan], object))
    )
    assert verdicts(data).dims == ("temperature",)
