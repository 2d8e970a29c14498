"""A folder becomes a study step by step, and may be cut short, or looked at by another run, between any two of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.errors import InputError
from jaxcollapse.store.study import Study
from tests.support.processes import Kill, Processes
from tests.support.studies import assert_same_numbers

_SWEEP = """
generations = 3
replicates = 2
observables = ["entropy"]

[process]
batch_size = 8
initial = { kind = "file", path = "logits.npz" }

[axes]
temperature = [0.9, 1.1]
"""


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    """Its input is to be copied to the study."""
    np.savez(tmp_path / "logits.npz", logits=np.linspace(0, 3, 16, dtype=np.float32))
    path = tmp_path / "sweep.toml"
    path.write_text(_SWEEP)
    return path


def test_a_run_that_is_killed_while_it_makes_its_study_can_be_repeated(sweep_file: Path, tmp_path: Path) -> None:
    """Each run meets what the one before has left, and gets one step further."""
    study, event = tmp_path / "study", 0
    other = tmp_path / "other.toml"
    other.write_text(_SWEEP.replace("1.1", "1.2"))
    with Processes() as processes:
        while not (study / "sweep.toml").exists():
            event += 1
            if event % 5 == 0:
                Study.check(study, jc.Sweep.from_toml(other))
            code, told = processes.run(sweep_file, study, kill=Kill(event=event))
            assert (code, told) == (-9, ""), event
        assert event > 10, "a study is made in more steps than these"
        code, told = processes.run(sweep_file, study)
    assert code == 0, told
    with jc.open_study(study) as data:
        assert_same_numbers(jc.run(jc.Sweep.from_toml(sweep_file), progress=False), data.load())
    assert not [path for path in study.rglob(".*") if path.is_file()]


@pytest.mark.parametrize("seen", ["before", "after"])
def test_another_run_may_make_the_study_while_its_folder_is_looked_at(
    seen: str, sweep_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep, study, listed = jc.Sweep.from_toml(sweep_file), tmp_path / "study", Path.iterdir
    study.mkdir()

    def listing(folder: Path) -> Iterator[Path]:
        before = [*listed(folder)]
        monkeypatch.setattr(Path, "iterdir", listed)
        Study.create(study, sweep)
        return iter(before if seen == "before" else [*listed(folder)])

    monkeypatch.setattr(Path, "iterdir", listing)
    Study.check(study, sweep)
    assert Path.iterdir is listed, "the folder must have been looked at"
    assert (study / "sweep.toml").exists()


@pytest.mark.parametrize("part", ["shards", "inputs"])
def test_a_folder_that_leads_elsewhere_is_refused_before_anything_is_computed(
    part: str, sweep_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    for folder in (study, study / "shards", elsewhere):
        folder.mkdir(exist_ok=True)
    if part == "shards":
        (study / "shards").rmdir()
    (study / part).symlink_to(elsewhere)
    monkeypatch.setattr("jaxcollapse.running.plan", lambda *arguments, **options: 1 / 0)
    with pytest.raises(InputError, match=f"{part} in it is a link to another place"):
        jc.run(jc.Sweep.from_toml(sweep_file), study, progress=False)
    assert not list(elsewhere.iterdir())
    assert {path.name for path in study.iterdir()} == {"shards", part}


def test_a_folder_with_a_sweep_file_of_ones_own_does_not_become_a_study(sweep_file: Path) -> None:
    text = "# which cools?\n" + sweep_file.read_text()
    sweep_file.write_text(text)
    folder = sweep_file.parent
    for arguments in (["run", str(sweep_file), "--out", str(folder)], ["run", str(folder)], ["status", str(folder)]):
        ended = CliRunner().invoke(app, arguments)
        assert ended.exit_code == 2
        assert f"{folder}: is n" in ended.stderr
    assert {path.name for path in folder.iterdir()} == {"sweep.toml", "logits.npz"}
    assert sweep_file.read_text() == text


def test_what_was_written_into_the_sweep_file_of_a_study_stays(sweep_file: Path, tmp_path: Path) -> None:
    """As long as the study does not grow."""
    study = tmp_path / "study"
    jc.run(jc.Sweep.from_toml(sweep_file), study, progress=False).close()
    text = "# which cools?\n" + (study / "sweep.toml").read_text()
    (study / "sweep.toml").write_text(text)
    jc.run(jc.Sweep.from_toml(sweep_file), study, progress=False).close()
    assert (study / "sweep.toml").read_text() == text


def test_a_path_that_is_not_utf8_is_refused(sweep_file: Path, tmp_path: Path) -> None:
    study = tmp_path / os.fsdecode(b"st\xfcdy")
    for arguments in (["run", str(sweep_file), "--out", str(study)], ["status", str(study)]):
        ended = CliRunner().invoke(app, arguments)
        assert ended.exit_code == 2
        assert ended.stderr.endswith(" is not UTF-8 text, which netCDF needs; rename it\n")
    assert not study.exists()


@pytest.mark.parametrize(
    "held", ["thesis.tex", "inputs/logits.npz", "shards/notes.txt", ".sweep.toml.tmp", "result.nc", "plan.json"]
)
def test_a_folder_that_holds_anything_else_does_not_become_a_study(held: str, sweep_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / held).parent.mkdir(parents=True)
    (folder / held).write_text("mine")
    with pytest.raises(InputError, match="is neither empty nor a study; name another folder with --out"):
        jc.run(jc.Sweep.from_toml(sweep_file), folder, progress=False)
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / held]
    assert (folder / held).read_text() == "mine"


def test_what_was_left_of_copying_inputs_goes_and_nothing_behind_a_link(sweep_file: Path, tmp_path: Path) -> None:
    study, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    with jc.run(jc.Sweep.from_toml(sweep_file), study, progress=False) as data:
        expected = data.load()
    left = f".logits.npz.{'0a' * 16}.tmp"
    elsewhere.mkdir()
    (elsewhere / left).write_text("mine")
    (study / "inputs" / left).write_text("half")
    (study / "inputs" / "link").symlink_to(elsewhere)
    with jc.run(jc.Sweep.from_toml(sweep_file), study, progress=False) as data:
        xr.testing.assert_identical(expected, data.load())
    assert not (study / "inputs" / left).exists()
    assert (elsewhere / left).exists()
