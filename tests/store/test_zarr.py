"""A dataset as a Zarr store: the same numbers, labels and attributes, written whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.analysis.possible import possible_range
from jaxcollapse.cli.main import app
from jaxcollapse.store import zarr
from jaxcollapse.store.lock import locked
from jaxcollapse.store.study import Study
from tests.support.studies import copied, run


def test_the_store_holds_what_the_dataset_does(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    ended = CliRunner().invoke(app, ["finalize", str(study), "--zarr"])
    assert (ended.exit_code, ended.stdout) == (0, f"{study / 'result.zarr'}\n")
    with jc.open_study(study) as data, xr.open_zarr(study / "result.zarr") as store:
        xr.testing.assert_identical(_with_numbers(store.load()), data.load())
        assert store.support_size.encoding["dtype"] == data.support_size.encoding["dtype"]


def _with_numbers(store: xr.Dataset) -> xr.Dataset:
    """The store, "Infinity" in its attributes as a number again."""
    for values in store.values():
        if "possible_range" in values.attrs:
            values.attrs["possible_range"] = [float(end) for end in values.attrs["possible_range"]]
    return store


def test_metadata_are_json_that_any_reader_takes(finished: Path, tmp_path: Path) -> None:
    with jc.open_study(finished) as data:
        zarr.export(data, tmp_path / "result.zarr")
    files = [path for path in (tmp_path / "result.zarr").rglob(".z*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        json.loads(path.read_text(), parse_constant=lambda name, path=path: pytest.fail(f"{path} has {name}"))
    with xr.open_zarr(tmp_path / "result.zarr") as store:
        assert store.entropy.attrs["possible_range"] == [0.0, "Infinity"]
        least, most = possible_range(store.entropy)
        assert (least == 0).all()
        np.testing.assert_allclose(most, np.log(16))


def test_a_store_that_is_there_is_replaced_when_the_new_one_is_whole(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "result.zarr"
    with jc.open_study(finished) as data:
        zarr.export(data, store)
        with monkeypatch.context() as patch:
            patch.setattr(xr.Dataset, "to_zarr", lambda *arguments, **options: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                zarr.export(data, store)
        with xr.open_zarr(store) as held:
            xr.testing.assert_identical(_with_numbers(held.load()), data.load())
        zarr.export(data, store)
    assert [path.name for path in tmp_path.iterdir()] == ["result.zarr"]


def test_what_was_left_of_an_export_that_was_killed_goes_when_the_dataset_is_assembled(
    finished: Path, tmp_path: Path
) -> None:
    study = copied(finished, tmp_path)
    left = study / f".result.zarr.{'0a' * 16}.tmp"
    for again in (lambda: Study.open(study).finalize().close(), lambda: export_of(study)):
        (left / "entropy").mkdir(parents=True)
        again()
        assert not left.exists()
    (left / "entropy").mkdir(parents=True)
    with locked(study / ".result.zarr.lock", "writes"):
        Study.open(study).finalize().close()
    assert left.exists(), "an export is at work"


def export_of(study: Path) -> None:
    ended = CliRunner().invoke(app, ["finalize", str(study), "--zarr"])
    assert ended.exit_code == 0, ended.stderr


def test_a_store_of_an_earlier_dataset_is_told_of(
    finished: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = copied(finished, tmp_path)
    export_of(study)
    run(study)
    assert "result.zarr" not in caplog.text
    run(study, replicates=5)
    assert "result.zarr holds an earlier dataset; `jaxcollapse finalize --zarr` updates it" in caplog.text


def test_what_is_not_installed_is_said(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr, "find_spec", lambda name: None)
    with jc.open_study(finished) as data, pytest.raises(jc.InputError, match=r"pip install 'jaxcollapse\[zarr\]'"):
        zarr.export(data, tmp_path / "result.zarr")
