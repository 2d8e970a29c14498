"""Fields that are true or false are so in the dataset: in memory, in files of netCDF and Zarr, and of older studies."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.analysis.labels import entries
from jaxcollapse.analysis.verdict import NEEDED
from jaxcollapse.report.axes import axes_of
from jaxcollapse.store.zarr import export
from jaxcollapse.system.atomic import seal

SWEEP: dict[str, Any] = {
    "replicates": 2,
    "generations": 1,
    "observables": ["entropy"],
    "process": {"vocab_size": 4, "samples": 8, "batch_size": 4, "steps": 4, "initial": {"kind": "dirichlet"}},
    "axes": {
        "replacement": [True, False],
        "initial.shared": [False, True],
    },
}
FLAGS = {"replacement": [True, False], "initial.shared": [False, True]}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flags") / "study"
    jc.run(jc.Sweep.from_dict(SWEEP), folder, progress=False).close()
    return folder


def check(data: xr.Dataset) -> None:
    for name, values in FLAGS.items():
        assert data[name].dtype == bool
        assert data[name].values.tolist() == values
    assert data.sel(replacement=True).replacement.item() is True
    np.testing.assert_array_equal(data.sel(replacement=False).entropy, data.isel(replacement=1).entropy)
    assert data.where(data.replacement, drop=True).sizes["replacement"] == 1


def test_true_selects_in_memory_and_in_files(study: Path) -> None:
    with jc.open_study(study) as own, xr.open_dataset(study / "result.nc") as plain:
        check(own)
        check(plain)
        export(plain, study / "result.zarr")
    with xr.open_zarr(study / "result.zarr") as stored:
        check(stored)


def test_a_constant_is_true_or_false() -> None:
    constants = {"process": {**SWEEP["process"], "replacement": True}, "axes": {}}
    assert jc.run(jc.Sweep.from_dict({**SWEEP, **constants}), progress=False).replacement.item() is True


def test_the_dataset_of_an_older_study_selects_too(study: Path) -> None:
    """It holds 1 and 0."""
    with xr.open_dataset(study / "result.nc") as data:
        old = data.load().assign_coords({name: data[name].astype(np.int8) for name in FLAGS})
    old.to_netcdf(study / "result.nc")
    seal(study / "result.nc")
    with xr.open_dataset(study / "result.nc") as plain:
        assert plain.replacement.dtype == np.int8
        labels, axis = entries(plain, "replacement"), axes_of(plain)[0]
    assert labels == list(axis.labels) == ["true", "false"]
    assert axis.order is None
    with jc.open_study(study) as data:
        check(data)
        assert data.encoding["source"] == str(study / "result.nc")
        assert entries(data, "replacement") == ["true", "false"]
        assert entries(data, "initial.shared") == ["false", "true"]


def test_axes_that_are_true_or_false_are_drawn_and_listed() -> None:
    sweep = {**SWEEP, "observables": [*NEEDED, "entropy"], "axes": {"replacement": [True, False]}}
    data = jc.run(jc.Sweep.from_dict(sweep), progress=False)
    (axis,) = data.collapse.plot.phase().axes[:1]
    ticks = [label.get_text() for label in (*axis.get_xticklabels(), *axis.get_yticklabels())]
    assert {"true", "false"} <= set(ticks)
    assert data.collapse.plot.trajectories("entropy", replacement=False).axes
