"""A path means to every library what it means to the system, and `~` is the home folder everywhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.store.study import Study
from jaxcollapse.system.netcdf import open_dataset, open_netcdf, write_dataset
from jaxcollapse.system.paths import user_path
from tests.support.studies import assert_same_numbers

SWEEP: dict[str, Any] = {
    "generations": 1,
    "record": {"every": 1},
    "observables": ["entropy"],
    "process": {"vocab_size": 4},
}
NAMES = (" leading", "\t tab", "\\", "a\\b", "C:\\x", "c:", "~", "~root", "file:", "[log]", "#mode=bytes", "%41")
ADDRESSES = ("", "file:///x", "http://host/x", "s3://x")
OBEYED = ("a\nb", "a\x1b[31m", "\x7f", "a\u2028b", "a\udcff")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder, and an empty working folder next to it."""
    for name in ("home", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


@pytest.mark.parametrize("name", NAMES)
def test_netcdf_files_are_where_their_names_say(name: str, home: Path) -> None:
    data = xr.Dataset({"entropy": ("token", np.arange(3.0))})
    for path in (Path("./", name, "result.nc"), Path.cwd() / name / "a" / "a\\b.nc", Path(f"{name}.nc")):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dataset(data, path, {})
        assert path.is_file()
        with open_netcdf(path, "a") as file:
            file.title = "here"
        with open_dataset(path) as opened:
            assert opened.encoding["source"] == str(path.absolute())
            assert opened.title == "here"
            xr.testing.assert_equal(opened, data)


def test_a_link_and_two_dots_lead_where_the_system_says(home: Path) -> None:
    (home / "deep" / "deeper").mkdir(parents=True)
    Path("link").symlink_to(home / "deep" / "deeper")
    write_dataset(xr.Dataset(attrs={"title": "mine"}), Path("link/../x.nc"), {})
    assert (home / "deep" / "x.nc").is_file()
    with open_dataset(Path("link/../x.nc")) as opened:
        assert opened.title == "mine"


def test_a_study_in_a_folder_of_any_name_is_made_opened_and_gone_on_with(home: Path) -> None:
    expected = jc.run(jc.Sweep.from_dict(SWEEP), progress=False)
    for name in (" leading", "a\\b", "c:", "./~", "./~root"):
        assert_same_numbers(jc.run(jc.Sweep.from_dict(SWEEP), name, progress=False), expected)
        assert {path.name for path in Path(name).absolute().iterdir()} >= {"result.nc", "shards", "sweep.toml"}
        assert Study.open(name).summary()["missing"] == 0
        with jc.open_study(name) as data:
            assert_same_numbers(data, expected)
    assert {path.name for path in Path.cwd().iterdir()} == {" leading", "a\\b", "c:", "~", "~root"}
    assert not list(home.iterdir())


def test_a_tilde_at_the_beginning_is_the_home_folder_even_if_a_folder_has_that_name(home: Path) -> None:
    jc.run(jc.Sweep.from_dict(SWEEP), "./~/study", progress=False)
    mine = jc.run(jc.Sweep.from_dict({**SWEEP, "title": "at home"}), "~/study", progress=False)
    assert mine.title == jc.open_study("~/study").title == jc.open_study(home / "study").title == "at home"
    assert jc.open_study("./~/study").title == jc.open_study(Path("~/study")).title == "jaxcollapse sweep"
    assert user_path("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


def test_a_sweep_does_not_read_from_home(home: Path) -> None:
    (home / "d").mkdir()
    for folder, logits in ((home / "d", [0.0, 9.0]), (Path("./~/d"), [0.0, 0.0])):
        folder.mkdir(parents=True, exist_ok=True)
        write_dataset(xr.Dataset({"logits": ("token", logits)}), folder / "p.nc", {})

    def sweep(path: str) -> jc.Sweep:
        process = {"initial": {"kind": "file", "path": path}}
        return jc.Sweep.from_dict({**SWEEP, "process": process}, folder=Path.cwd())

    with pytest.raises(jc.InputError, match=r"'~/d/p\.nc' leads out of"):
        sweep("~/d/p.nc")
    with jc.run(sweep("./~/d/p.nc"), "study", progress=False) as data:
        np.testing.assert_allclose(data.entropy.isel(generation=0), np.log(2), rtol=1e-6)
    assert Path("study/inputs/~/d/p.nc").is_file()
    with pytest.raises(jc.InputError, match=r"'http://host/p\.nc' is an address"):
        sweep("http://host/p.nc")


@pytest.mark.parametrize("name", ADDRESSES + OBEYED)
def test_addresses_and_names_that_scripts_and_terminals_would_obey_are_refused(name: str, home: Path) -> None:
    for call in (lambda: jc.run(jc.Sweep.from_dict(SWEEP), name, progress=False), lambda: jc.open_study(name)):
        with pytest.raises(jc.InputError) as error:
            call()
        assert str(error.value).isprintable()
    assert not list(Path.cwd().iterdir())
