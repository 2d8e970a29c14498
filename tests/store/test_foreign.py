"""A study from a stranger: what lies in its folder is held to what should be there, whoever sealed it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.store.study import Study
from jaxcollapse.system.atomic import is_sealed, seal
from tests.hostile.keep import unreadable
from tests.hostile.shards import honest, sealed, shard_names
from tests.support.studies import assert_same_numbers, run, shards


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A finished study of two shards."""
    for name, content in honest().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path / "study"


@pytest.mark.parametrize("what", ["pipe", "folder", "device"])
def test_what_is_no_ordinary_file_does_not_count(what: str, study: Path, tmp_path: Path) -> None:
    for victim in (shards(study)[0], study / "result.nc"):
        victim.rename(tmp_path / "moved.nc")
        if what == "pipe":
            os.mkfifo(victim)
        elif what == "folder":
            victim.mkdir()
        else:
            victim.symlink_to("/dev/zero")
    told = Study.open(study).summary()
    assert list(told["bad_shards"].values()) == ["is damaged, or not a shard"]
    with jc.open_study(study) as data:
        assert int((data.status == 0).sum()) == 8


def test_numbers_that_cannot_be_read_are_set_aside_and_computed_again(
    study: Path, finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Their shard's seal is unbroken, and so is its header."""
    (study / "result.nc").unlink()
    victim = study.parent / shard_names()[0]
    victim.write_bytes(unreadable(victim.read_bytes(), "entropy"))
    assert Study.open(study).summary()["bad_shards"] == {}
    with jc.open_study(study) as data:
        assert int((data.status == 0).sum()) == 8
    assert victim.exists(), "reading gives no file another name"
    assert "cannot be read" in caplog.text
    (study / "result.nc").unlink()
    with Study.open(study).finalize() as data:
        assert int((data.status == 0).sum()) == 8
    assert f"it is set aside as {victim.stem}.damaged" in caplog.text
    shutil.rmtree(study / "shards")  # the other numbers are made up
    (study / "shards").mkdir()
    (study / "result.nc").unlink()
    with jc.open_study(finished) as undamaged:
        assert_same_numbers(undamaged.load(), run(study))


def told(name: str, key: str, value: object) -> Callable[[xr.Dataset], xr.Dataset]:
    """Changes an attribute of a dataset's variable, or of the dataset where the name is empty."""

    def forge(data: xr.Dataset) -> xr.Dataset:
        made = data.copy()
        (made[name] if name else made).attrs[key] = value
        return made

    return forge


FORGED = {
    "a title that is a number": told("", "title", 7),
    "a threshold that is a text": told("", "collapse_threshold", "0.01"),
    "a sweep that it is not": told("", "sweep", "["),
    "a name that is a list": told("entropy", "long_name", [1.0, 2.0]),
    "a range that is none": told("entropy", "possible_range", "x"),
    "an observable that is an event": told("entropy", "censoring", "x"),
    "other flags": told("status", "flag_values", [2, 1, 0]),
    "no flags": told("status", "flag_meanings", ""),
    "numbers that are to be scaled": told("entropy", "scale_factor", 2.0),
    "other generations": lambda data: data.assign_coords(generation=data.generation + 1),
    "a variable is missing": lambda data: data.drop_vars("entropy"),
    "a variable is of another type": lambda data: data.assign(entropy=data.entropy.astype("float64")),
    "a dimension is shorter": lambda data: data.isel(temperature=[0]),
    "it does not say what it stands for": lambda data: data.drop_attrs(deep=False),
    "it is empty": lambda data: xr.Dataset(),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_dataset_is_assembled_again(forgery: str, study: Path) -> None:
    with jc.open_study(study) as data:
        undamaged = data.load()
    (study / "result.nc").unlink()
    FORGED[forgery](undamaged).to_netcdf(study / "result.nc")
    seal(study / "result.nc")
    for read in (Study.read, Study.finalize):
        with read(Study.open(study)) as data:
            assert_same_numbers(undamaged, data.load())
    assert is_sealed(study / "result.damaged.nc"), "what was there is set aside"


def test_a_dataset_that_cannot_be_opened_is_assembled_again(study: Path) -> None:
    with jc.open_study(study) as data:
        undamaged = data.load()
    for content in (b"", b"\x89HDF\r\n\x1a\n" + b"\xff" * 90):
        (study / "result.nc").write_bytes(sealed(content))
        with jc.open_study(study) as data:
            assert_same_numbers(undamaged, data.load())


def test_a_dataset_that_cannot_be_shown_is_said_so(tmp_path: Path) -> None:
    """Its seal is unbroken, and it declares what it should."""
    observables = ["entropy", "verdict"]
    study = tmp_path / "study"
    run(study, observables=observables)
    result = study / "result.nc"
    result.write_bytes(unreadable(result.read_bytes(), "smoothed_recovery_gap"))
    ended = CliRunner().invoke(app, ["run", str(study)])
    assert ended.exit_code == 1
    assert ended.stderr.startswith(f"jaxcollapse: {result}: cannot be read: NetCDF: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("part", ["inputs", "shards", "slurm"])
def test_a_study_with_a_folder_that_leads_elsewhere_is_not_written(part: str, study: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    if (study / part).exists():
        (study / part).rename(elsewhere)
    else:
        elsewhere.mkdir()
    (study / part).symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    if part == "inputs":
        with pytest.raises(jc.InputError, match="inputs in it is a link to another place"):
            Study.open(study)
    else:
        assert Study.open(study).summary()["missing"] == 0
    with pytest.raises(jc.InputError, match=f"{part} in it is a link to another place"):
        run(study)
    assert sorted(elsewhere.rglob("*")) == before


def test_inputs_of_a_study_stay_in_it(study: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("p\n1\n2\n")
    text = (study / "sweep.toml").read_text().replace("vocab_size = 16", 'initial = {kind = "file", path = "%s"}')
    (study / "inputs").mkdir()
    (study / "inputs" / "link.csv").symlink_to(tmp_path / "secret.csv")
    for path in ("../../secret.csv", str(tmp_path / "secret.csv"), "link.csv"):
        (study / "sweep.toml").write_text(text % path)
        with pytest.raises(jc.InputError, match="leads out of"):
            Study.open(study)


def test_copies_of_inputs_are_not_written_through_links(study: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (study / "inputs").mkdir()
    (study / "inputs" / "data").symlink_to(outside)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "p0.csv").write_text("p\n" + "1\n" * 16)
    table = {"process": {"initial": {"kind": "file", "path": "data/p0.csv"}}}
    shutil.rmtree(study / "shards")
    (study / "sweep.toml").unlink()
    shutil.move(study / "inputs", tmp_path / "planted")
    shutil.rmtree(study)
    study.mkdir()
    from jaxcollapse.store.inputs import with_inputs

    with pytest.raises(jc.InputError, match="leads out of"):
        with_inputs(jc.Sweep.from_dict(table, folder=tmp_path), tmp_path / "planted")
    assert not list(outside.iterdir())


def test_numbers_of_another_file_are_not_read(study: Path, tmp_path: Path) -> None:
    """HDF5 reads a variable from any file, where a file says so."""
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(bytes([1] * 8))
    victim = shards(study)[0]
    content = victim.read_bytes()[:-32]
    victim.write_bytes(content)
    with h5py.File(victim, "r+") as file:
        scale = file["trajectory"]
        del file["status"]
        made = file.create_dataset("status", (8,), "i1", external=[(str(tmp_path / "secret"), 0, 8)])
        made.dims[0].attach_scale(scale)
    seal(victim)
    (reason,) = Study.open(study).summary()["bad_shards"].values()
    assert reason == "cannot be read: status is not stored in compressed chunks"


def test_fewer_values_than_there_may_be_are_placed(finished: Path, tmp_path: Path) -> None:
    from jaxcollapse.store.layout import Layout
    from jaxcollapse.store.placement import PlacedPart, place

    held = np.arange(6.0).reshape(2, 3, 1)
    layout = Layout("x", ("cell", "record", "persona"), (2,), (3, 2), np.dtype(float), np.nan, {})
    placed = place(layout, [PlacedPart(np.array([1, 0], np.int32), None, lambda name, some: held[some])], 0, 2)
    np.testing.assert_array_equal(placed[..., 0], held[::-1, :, 0])
    assert np.isnan(placed[..., 1]).all()
