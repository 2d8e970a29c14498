"""The dataset: dimensions, coordinates, labels and attributes, the same in memory, on disk and without this package."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
import jaxcollapse.analysis
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.planning.library import Library
from jaxcollapse.store.coordinates import coordinates
from jaxcollapse.theory import mean_entropy
from tests.support.studies import assert_same_numbers
from tests.support.sweeps import values

INF = float("inf")
GRID: dict[str, Any] = {
    "title": "Labelled",
    "replicates": 2,
    "generations": 4,
    "record": {"every": 2},
    "observables": ["entropy", "support_size", "collapse_time"],
    "support_threshold": 1e-6,
    "collapse_threshold": 0.05,
    "process": {"vocab_size": 16, "initial": {"kind": "zipf"}},
    "axes": {
        "temperature": [0.9, 1.0, INF],
        "initial.exponent": [1, 0.5],
        "tied": {"zip": {"learning_rate": [0.1, 1.0], "batch_size": [4, 16]}},
    },
}


def run(data: dict[str, Any], *where: Path) -> xr.Dataset:
    with jc.run(jc.Sweep.from_dict(data), *where, progress=False) as opened:
        return opened.load()


def small(process: dict[str, Any], axes: dict[str, Any] | None = None, **top: Any) -> xr.Dataset:
    base: dict[str, Any] = {"replicates": 2, "generations": 1, "observables": ["entropy"]}
    return run({**base, **top, "process": process, "axes": axes or {}})


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset") / "study"
    run(GRID, folder)
    return folder


@pytest.fixture(scope="module")
def data(study: Path) -> xr.Dataset:
    with xr.open_dataset(study / "result.nc") as opened:
        return opened.load()


@pytest.fixture(scope="module")
def in_memory() -> xr.Dataset:
    return run(GRID)


def test_dimensions_are_the_axes_in_file_order_then_replicate_then_generation(data: xr.Dataset) -> None:
    axes = ("temperature", "initial.exponent", "tied")
    assert data.entropy.dims == data.support_size.dims == (*axes, "replicate", "generation")
    assert data.collapse_time.dims == data.status.dims == (*axes, "replicate")
    assert dict(data.sizes) == {"temperature": 3, "initial.exponent": 2, "tied": 2, "replicate": 2, "generation": 3}
    assert set(data.data_vars) == {"entropy", "support_size", "collapse_time", "status"}


def test_every_dimension_has_a_coordinate(data: xr.Dataset) -> None:
    assert set(data.dims) == set(data.indexes)
    assert data.temperature.values.tolist() == [0.9, 1.0, INF]
    assert data["initial.exponent"].values.tolist() == [1.0, 0.5]
    assert data.replicate.values.tolist() == [0, 1]
    assert data.generation.values.tolist() == [0, 2, 4]
    assert data.sel(temperature=INF).entropy.shape == (2, 2, 2, 3)


def test_a_zip_is_one_dimension_with_two_coordinates(data: xr.Dataset) -> None:
    assert data.tied.values.tolist() == [0, 1]
    assert data.learning_rate.dims == data.batch_size.dims == ("tied",)
    assert data.learning_rate.values.tolist() == [0.1, 1.0]
    assert data.batch_size.dtype.kind == "i"
    chosen = data.set_xindex("learning_rate").sel(learning_rate=1.0)
    np.testing.assert_array_equal(chosen.entropy, data.entropy.isel(tied=1))


def test_constants_are_scalar_coordinates(data: xr.Dataset) -> None:
    assert data.vocab_size.item() == 16
    assert data.optimizer.item() == "sgd"
    assert data.steps.item() == 1
    assert data.vocab_size.dims == data.optimizer.dims == ()
    assert not {"top_k", "window", "momentum", "mixing"} & set(data.coords)  # they play no part


def test_the_number_of_samples_is_told_where_it_follows_from_others(data: xr.Dataset) -> None:
    assert data.samples.dims == ("tied",)
    assert data.samples.values.tolist() == [4, 16]
    ideal = small({"vocab_size": 16, "batch_size": INF})
    assert ideal.samples.item() == INF


def test_values_keep_their_types() -> None:
    """Whole numbers, infinity among numbers, words, truth values."""
    axes = {"batch_size": [2, INF], "optimizer": ["sgd", "adam"], "vocab_size": [4, 16]}
    swept = small({"samples": INF}, axes)
    assert swept.batch_size.values.tolist() == [2.0, INF]
    assert swept.optimizer.values.tolist() == ["sgd", "adam"]
    assert swept.vocab_size.dtype == np.int64
    assert swept.sel(optimizer="adam", batch_size=INF, vocab_size=4).entropy.sizes["replicate"] == 2
    shuffled = small({"vocab_size": 16, "samples": 32, "batch_size": 8}, {"replacement": [True, False]})
    assert shuffled.replacement.values.tolist() == [1, 0]


def test_tables_on_an_axis_are_named() -> None:
    kinds = [{"kind": "uniform"}, {"kind": "zipf", "exponent": 2.0}]
    swept = small({"vocab_size": 16}, {"initial": kinds})
    assert swept.initial.values.tolist() == ["uniform", "zipf(exponent=2.0)"]
    assert float(swept.entropy.sel(initial="uniform").isel(generation=0, replicate=0)) == pytest.approx(np.log(16))


def test_long_lists_have_short_names_that_differ() -> None:
    """Theory still finds p0 by its name; the values are in the attribute `sweep`."""
    weights = np.arange(1.0, 20_001)
    tables = [{"kind": "values", "probabilities": list(each)} for each in (weights, weights[::-1])]
    process = {"update": "refit", "samples": 10, "scores": list(weights), "curation": "argmax", "reward": "score"}
    sweep = jc.Sweep.from_dict({"observables": ["entropy"], "process": process, "axes": {"initial": tables}})
    names = coordinates(sweep, Library(sweep.grid, 0))
    assert len(set(names["initial"].values.tolist())) == 2
    for name in (*names["initial"].values.tolist(), str(names["scores"].values)):
        assert len(name) < 120
        assert re.search(r", … 20000 values, sha256 [0-9a-f]{8}\]", name), name
    assert len(repr(sweep)) + len(sweep._repr_html_()) < 3000
    assert jc.Sweep.from_dict(tomllib.loads(sweep.to_toml())) == sweep
    drifting = small({"update": "refit", "samples": 4}, {"initial": [values(np.arange(1, 101))]})
    known = mean_entropy(np.arange(1, 101) / 5050, samples=4, generations=[1])
    np.testing.assert_allclose(drifting.collapse.theory("entropy").isel(generation=1), known)


def test_tokens_are_labelled_along_their_dimension(tmp_path: Path) -> None:
    (tmp_path / "p0.csv").write_text("token,probability\nno,0.2\nyes,0.5\nmaybe,0.3\n")
    process = {"initial": {"kind": "file", "path": str(tmp_path / "p0.csv")}}
    labelled = small(process, {"initial.top": [3, 2]}, record={"logits": True})
    assert labelled.logits.dims == ("initial.top", "replicate", "generation", "token")
    assert labelled.token.values.tolist() == ["yes", "maybe", "no"]
    assert labelled.vocab_size.values.tolist() == [3, 2]
    first = labelled.logits.isel(generation=0, replicate=0)
    odds = first.sel(token="yes") - first.sel(token="maybe")
    np.testing.assert_allclose(odds, np.log(0.5 / 0.3), rtol=1e-5)
    assert np.isnan(first.sel(token="no").values).tolist() == [False, True]


def test_tokens_of_different_vocabularies_have_labels_for_each(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("token,probability\nno,0.2\nyes,0.8\n")
    (tmp_path / "b.csv").write_text("token,probability\nja,0.5\nnein,0.3\nvielleicht,0.2\n")
    paths = [str(tmp_path / name) for name in ("a.csv", "b.csv")]
    labelled = small({"initial": {"kind": "file"}}, {"initial.path": paths}, record={"logits": True})
    assert labelled.token.values.tolist() == [0, 1, 2]
    assert labelled.token_label.dims == ("initial.path", "token")
    assert labelled.token_label.values.tolist() == [["no", "yes", ""], ["ja", "nein", "vielleicht"]]


def test_every_variable_says_what_it_is(data: xr.Dataset) -> None:
    for name, variable in data.variables.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    for name in ("entropy", "support_size", "collapse_time"):
        entry = OBSERVABLES[name]
        told = {key: data[name].attrs[key] for key in ("long_name", "units", "description")}
        assert told == {"long_name": entry.long_name, "units": entry.units, "description": entry.description}
    assert "by generation 4" in data.collapse_time.attrs["censoring"]


def test_status_has_cf_flags(data: xr.Dataset) -> None:
    attributes = data.status.attrs
    assert data.status.dtype == attributes["flag_values"].dtype == np.int8
    meanings = dict(zip(attributes["flag_values"].tolist(), attributes["flag_meanings"].split(), strict=True))
    assert meanings == {0: "missing", 1: "complete", 2: "diverged"}
    assert (data.status == 1).all()


def test_a_trajectory_that_leaves_the_floating_point_range_is_said_so() -> None:
    hot = {"vocab_size": 4, "batch_size": 1, "temperature": INF, "optimizer": "momentum"}
    diverged = small(hot, {"learning_rate": [0.1, 3e38]}, generations=30)
    assert diverged.status.values.tolist() == [[1, 1], [2, 2]]


def test_the_file_tells_where_it_comes_from(data: xr.Dataset, study: Path) -> None:
    attributes = data.attrs
    assert attributes["Conventions"].startswith("CF-1.")
    assert attributes["title"] == "Labelled"
    assert attributes["source"].startswith("jaxcollapse ")
    assert "assembled by jaxcollapse" in attributes["history"]
    assert attributes["support_threshold"] == 1e-6
    assert attributes["collapse_threshold"] == 0.05
    (study / "again.toml").write_text(attributes["sweep"])
    assert jc.Sweep.from_toml(study / "again.toml") == jc.Sweep.from_dict(GRID)
    told = json.loads(attributes["provenance"])
    assert {"jaxcollapse", "jax", "jaxlib", "xarray"} <= set(told["versions"])
    assert all(told["versions"].values())
    assert (told["platform"], told["device_kind"], told["prng"], told["x64"]) == ("cpu", "cpu", "threefry2x32", False)
    assert {"git_commit", "command", "start", "end"} <= set(told)
    assert told["start"] <= told["end"]


def test_thresholds_that_are_not_given_are_told_too() -> None:
    attributes = small({"vocab_size": 16}).attrs
    assert (attributes["support_threshold"], attributes["collapse_threshold"]) == (1e-9, 0.01)


def test_numbers_are_stored_small(study: Path) -> None:
    with netCDF4.Dataset(study / "result.nc") as file:
        types = {name: file[name].dtype for name in ("entropy", "support_size", "collapse_time", "status")}
        assert types == {"entropy": "f4", "support_size": "i4", "collapse_time": "i4", "status": "i1"}
        assert all(file[name].filters()["zlib"] for name in types)


def test_in_memory_and_on_disk_are_the_same(in_memory: xr.Dataset, study: Path) -> None:
    with jc.open_study(study) as opened:
        stored = opened.load()
    assert set(stored.attrs) - set(in_memory.attrs) == {"shards"}
    for dataset in (stored, in_memory):
        dataset.attrs = {
            key: value for key, value in dataset.attrs.items() if key not in ("history", "provenance", "shards")
        }
    xr.testing.assert_identical(in_memory, stored)
    assert {name: array.dtype for name, array in in_memory.variables.items() if array.dtype.kind != "U"} == {
        name: array.dtype for name, array in stored.variables.items() if array.dtype.kind != "O"
    }


def test_the_dataset_in_memory_can_be_saved(in_memory: xr.Dataset, tmp_path: Path) -> None:
    in_memory.to_netcdf(tmp_path / "saved.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "saved.nc") as saved:
        assert_same_numbers(in_memory, saved.load())


def test_double_precision_is_double_everywhere(tmp_path: Path) -> None:
    top: dict[str, Any] = {"precision": "float64", "record": {"logits": True}, "replicates": 2, "generations": 2}
    sweep = {**top, "observables": ["entropy"], "process": {"vocab_size": 16, "temperature": 0.9}}
    double = run(sweep, tmp_path / "s")
    assert double.entropy.dtype == double.logits.dtype == np.float64
    assert json.loads(double.attrs["provenance"])["x64"] is True
    p = np.exp(double.logits - np.log(np.exp(double.logits).sum("token")))
    np.testing.assert_allclose(double.entropy, -(p * np.log(p)).sum("token"), rtol=1e-13)


PLAIN = """
import sys, warnings

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("jaxcollapse", "jax"):
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
import matplotlib
import matplotlib.pyplot
matplotlib.use("Agg")
import xarray
ds = xarray.open_dataset(sys.argv[1])
ds.entropy.sel(temperature=0.9, method="nearest").mean("replicate").plot()
matplotlib.pyplot.figure()
cell = ds.entropy.isel({"initial.exponent": 0, "tied": 0})
(line,) = cell.sel(temperature=0.93, method="nearest").mean("replicate").plot()
print(line.axes.get_title(), "|", line.axes.get_xlabel(), "|", line.axes.get_ylabel(), "|", line.get_ydata().tolist())
assert "jaxcollapse" not in sys.modules
"""


def test_the_file_needs_none_of_this_package(study: Path, data: xr.Dataset) -> None:
    command = [sys.executable, "-I", "-W", "ignore", "-c", PLAIN, str(study / "result.nc")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    title, horizontal, vertical, plotted = done.stdout.split(" | ")
    assert "temperature = 0.9" in title.replace("\\n", " ")
    assert horizontal == "generation [1]"
    assert vertical.replace("\\n", " ") == "Shannon entropy [nat]"
    mean = data.entropy.isel({"temperature": 0, "initial.exponent": 0, "tied": 0}).mean("replicate")
    np.testing.assert_allclose(json.loads(plotted), mean.values, rtol=1e-6)
