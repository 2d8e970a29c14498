"""The command line: what each command does, prints and returns; in this process, and as a process of its own."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

import jaxcollapse as jc
from jaxcollapse import running
from jaxcollapse.cli.main import app
from jaxcollapse.native import processor
from jaxcollapse.store.study import Study
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.system.shipped_sweeps import copy_example, examples
from tests.conftest import ROOT

SWEEP = """
title = "Tiny"
replicates = 3
generations = 2
record = { every = 1 }
observables = ["entropy"]

[process]
vocab_size = 8

[axes]
temperature = [0.5, 1.0]
steps = [1, 2]
"""
COMMANDS = ("plan", "run", "submit", "status", "finalize", "join", "report", "explore", "fields", "examples", "init")
NEEDED = 'observables = ["entropy", "verdict"]'


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def process(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m jaxcollapse` with these arguments, its output caught."""
    command = [sys.executable, "-m", "jaxcollapse", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that `run` has made."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.toml").write_text(SWEEP)
    assert invoke("run", folder / "tiny.toml", "--out", folder / "study").exit_code == 0
    return folder / "study"


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished study."""
    return Path(shutil.copytree(finished, tmp_path / "study"))


@pytest.fixture
def incomplete(study: Path) -> Path:
    """The same without one of its two shards, and without the dataset."""
    sorted((study / "shards").glob("*.nc"))[0].unlink()
    (study / "result.nc").unlink()
    return study


def test_run_makes_a_study_and_ends_with_its_path(sweep: Path, tmp_path: Path) -> None:
    study = tmp_path / "out" / "study"
    result = invoke("run", sweep, "--out", study)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-2:] == [f"dataset: {study / 'result.nc'}", f"study: {study}"]
    assert re.fullmatch(
        r"0/12 trajectories, compiling\n(\d+/12 trajectories, .*/s, .* left\n)*12/12 trajectories, .*/s, 0 s left\n",
        result.stderr,
    )
    with xr.open_dataset(study / "result.nc") as data:
        assert dict(data.sizes) == {"temperature": 2, "steps": 2, "replicate": 3, "generation": 3}
        assert data.entropy.notnull().all()
    assert {path.name for path in study.iterdir()} == {"sweep.toml", "plan.json", "shards", "result.nc"}
    assert jc.Sweep.from_toml(study / "sweep.toml") == jc.Sweep.from_toml(sweep)


def test_the_study_is_called_like_the_sweep_unless_named(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("run", sweep)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"study: {Path('results/tiny')}"
    assert (tmp_path / "results" / "tiny" / "result.nc").is_file()


def test_run_shows_verdicts_where_it_can(sweep: Path, tmp_path: Path) -> None:
    assert "no verdicts: they need the observables" in invoke("run", sweep, "--out", tmp_path / "few").stdout
    sweep.write_text(SWEEP.replace('observables = ["entropy"]', NEEDED))
    enough = invoke("run", sweep, "--out", tmp_path / "enough")
    assert enough.exit_code == 0
    assert "no verdicts" not in enough.stdout
    assert "temperature" in enough.stdout
    assert "\x1b" not in enough.stdout
    picture = tmp_path / "enough" / "phase.png"
    assert f"phase diagram: {picture}" in enough.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_quiet_run_says_where_the_study_is_and_no_more(sweep: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    result = invoke("run", sweep, "--out", study, "--quiet")
    assert result.stdout == f"dataset: {study / 'result.nc'}\nstudy: {study}\n"
    assert result.stderr == ""


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["deleted", "damaged"])
def test_a_quiet_run_says_so_if_shards_are_lost_meanwhile(
    harm: Callable[[Path], object], sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute_and_harm(*arguments: Any, **options: Any) -> Study:
        study = compute(*arguments, **options)
        harm(min(study.shard_folder.glob("*.nc")))
        return study

    compute = running.compute
    monkeypatch.setattr(running, "compute", compute_and_harm)
    result = invoke("run", sweep, "--out", tmp_path / "study", "--quiet")
    assert result.exit_code == 1
    assert "6 trajectories are missing: shards were deleted or damaged during the run" in result.stderr
    assert invoke("run", sweep, "--out", tmp_path / "study", "--quiet").exit_code == 1, "harmed again"


@pytest.mark.parametrize(("error", "told"), [(MemoryError(), "out of memory"), (KeyboardInterrupt(), "interrupted")])
def test_an_error_that_says_nothing_is_named(
    error: BaseException, told: str, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(study: Study) -> dict[str, Any]:
        raise error

    monkeypatch.setattr(Study, "summary", fail)
    result = invoke("status", study)
    assert (result.exit_code, result.stderr) == (1, f"jaxcollapse: {told}\n")


def test_a_table_that_cannot_be_shown_is_said_when_all_is_stored(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(data: xr.Dataset, width: int) -> None:
        raise ZeroDivisionError("of nothing")

    monkeypatch.setattr("jaxcollapse.analysis.table.summary_table", fail)
    sweep.write_text(SWEEP.replace('observables = ["entropy"]', NEEDED))
    result = invoke("run", sweep, "--out", tmp_path / "study")
    assert result.exit_code == 1
    assert "jaxcollapse: the summary failed: ZeroDivisionError('of nothing'); all results are stored" in result.stderr
    assert result.stdout.splitlines()[-1] == f"study: {tmp_path / 'study'}"
    assert (tmp_path / "study" / "result.nc").exists()


def test_a_plan_is_printed_and_nothing_is_run(sweep: Path, tmp_path: Path) -> None:
    result = invoke("plan", sweep)
    assert result.exit_code == 0
    kernel = f"native code for {processor()}"
    assert result.stdout.startswith(
        f"<Plan 'Tiny': 12 trajectories on 2 cpu devices, {kernel}>\n2 compiles, 2 chunks, "
    )
    assert list(tmp_path.iterdir()) == [sweep]


def test_a_plan_of_a_design_with_a_field_that_follows_counts_its_points(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep.toml"
    sweep.write_text("""\
generations = 2
replicates = 3
process = { vocab_size = 8, learning_rate = { times = "batch_size", by = 0.05 } }
axes = { design = { sobol = { temperature = [0.8, 1.2], batch_size = [1, 16] }, points = 5 }, steps = [1, 2] }
""")
    told = json.loads(invoke("plan", sweep, "--json").stdout)
    assert (told["dims"], told["shape"], told["cells"], told["trajectories"]) == (["design", "steps"], [5, 2], 10, 30)


def test_a_plan_in_json_has_its_numbers(sweep: Path, study: Path) -> None:
    (study / "shards").rename(study / "away")
    (study / "shards").mkdir()
    for path in (sweep, study):
        result = invoke("plan", path, "--json")
        assert result.exit_code == 0
        told = json.loads(result.stdout)
        expected = {
            "title": "Tiny",
            "dims": ["temperature", "steps"],
            "shape": [2, 2],
            "cells": 4,
            "replicates": 3,
            "generations": 2,
            "recorded": 3,
            "trajectories": 12,
            "devices": 2,
            "compiles": 2,
            "chunks": 2,
            "token_updates": 2 * 16 * 6 * (1 + 2),
        }
        assert {key: told[key] for key in expected} == expected
        assert [bucket["cells"] for bucket in told["buckets"]] == [4]
        assert 0 < told["disk_bytes"] < told["device_bytes"]


def test_a_plan_of_a_study_is_of_what_is_missing(incomplete: Path) -> None:
    told = json.loads(invoke("plan", incomplete, "--json").stdout)
    assert (told["trajectories"], told["chunks"]) == (6, 1)
    assert invoke("plan", incomplete).stdout.startswith("<Plan 'Tiny': 6 trajectories on ")
    assert invoke("run", incomplete, "-q").exit_code == 0
    whole = invoke("plan", incomplete)
    assert whole.exit_code == 0
    assert whole.stdout.startswith("<Plan 'Tiny': 0 trajectories on ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", ""], "Invalid value for '--out': is empty"),
        (["--out", "x" * 300], "is too long for the name of a file"),
        (["--share", ""], "share: '' is not of the form i/n"),
        (["--shard", "0/999999999"], "share: 0/999999999: at most 100000 shares are allowed"),
    ],
)
def test_empty_values_are_refused(
    arguments: list[str], told: str, sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a variable that is not set; nothing is computed into the working folder."""
    (sweep.parent / "here").mkdir()
    monkeypatch.chdir(sweep.parent / "here")
    result = invoke("run", sweep, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not list(Path().iterdir())
    assert invoke("status", "").exit_code == 2


def test_inputs_beside_a_study_are_refused(study: Path, tmp_path: Path) -> None:
    for command in ("plan", "run"):
        result = invoke(command, study, "--inputs", tmp_path)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"jaxcollapse: {study}: inputs: a study reads input files from its own folder")


def test_finalize_says_where_the_dataset_of_a_folder_is_that_may_not_be_written_to(
    incomplete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jaxcollapse.system.scratch.user_cache_path", lambda name: tmp_path / name)
    monkeypatch.setattr("jaxcollapse.store.assembly.os.access", lambda path, mode: path != incomplete)
    printed = invoke("finalize", incomplete).stdout.strip()
    assert Path(printed).parent == tmp_path / "jaxcollapse" / "datasets"
    with xr.open_dataset(printed) as data:
        assert int((data.status == 0).sum()) == 6
    assert json.loads(invoke("finalize", incomplete, "--json").stdout)["result"] == printed


def test_a_run_in_json_prints_its_numbers_and_nothing_else(sweep: Path, study: Path) -> None:
    result = invoke("run", sweep, "--out", study, "--json")
    assert result.exit_code == 0
    expected = {
        "study": str(study),
        "title": "Tiny",
        "trajectories": 12,
        "complete": 12,
        "diverged": 0,
        "missing": 0,
        "not_in_sweep": 0,
        "shards": 2,
        "computing": 0,
        "bad_shards": {},
        "result": str(study / "result.nc"),
    }
    assert json.loads(result.stdout) == expected
    for command in ("status", "finalize"):
        assert json.loads(invoke(command, study, "--json").stdout) == expected


def test_the_status_of_a_complete_study(study: Path) -> None:
    result = invoke("status", study)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Tiny: 12 of 12 trajectories",
        "    complete  12",
        "    diverged  0",
        "    missing   0",
        "    shards    2",
        f"    result    {study / 'result.nc'}",
    ]
    assert invoke("finalize", study).stdout == f"{study / 'result.nc'}\n"


def test_an_incomplete_study_is_told_and_returns_1(incomplete: Path) -> None:
    result = invoke("status", incomplete)
    assert result.exit_code == 1
    assert result.stdout.startswith("Tiny: 6 of 12 trajectories")
    assert "result    not assembled yet" in result.stdout
    assert re.search(r"^    time left about [0-9.]+ s on this machine's CPU cores$", result.stdout, re.MULTILINE)
    told = json.loads(invoke("status", incomplete, "--json").stdout)
    assert (told["complete"], told["missing"], told["shards"], told["result"]) == (6, 6, 1, None)
    plan = json.loads(invoke("plan", incomplete, "--json").stdout)
    assert 0 < told["seconds_left"] == pytest.approx(plan["run_seconds"])


def test_the_status_of_a_study_with_very_many_cells_plans_nothing(
    incomplete: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jaxcollapse.running._MOST_PLANNED", 1)
    assert "    time left `jaxcollapse plan` estimates it\n" in invoke("status", incomplete).stdout
    assert json.loads(invoke("status", incomplete, "--json").stdout)["seconds_left"] is None


def test_an_incomplete_study_is_assembled_with_gaps_and_returns_1(incomplete: Path) -> None:
    result = invoke("finalize", incomplete)
    assert result.exit_code == 1
    assert result.stdout == f"{incomplete / 'result.nc'}\n"
    with xr.open_dataset(incomplete / "result.nc") as data:
        missing = data.status.values == 0
        assert missing.sum() == 6
        assert np.isnan(data.entropy.values[missing]).all()
        assert np.isfinite(data.entropy.values[~missing]).all()


def test_a_shard_that_does_not_count_is_named(study: Path) -> None:
    shard = sorted((study / "shards").glob("*.nc"))[0]
    shard.write_bytes(shard.read_bytes()[:1000])
    result = invoke("status", study)
    assert result.exit_code == 1
    assert f"    {shard.name} is ignored: " in result.stdout
    assert set(json.loads(invoke("status", study, "--json").stdout)["bad_shards"]) == {shard.name}


def test_run_goes_on_with_a_study(incomplete: Path, finished: Path) -> None:
    kept = {path: path.stat().st_mtime_ns for path in (incomplete / "shards").glob("*.nc")}
    result = invoke("run", incomplete)
    assert result.exit_code == 0
    assert "6/6 trajectories" in result.stderr
    assert result.stdout.splitlines()[-1] == f"study: {incomplete}"
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    with xr.open_dataset(incomplete / "result.nc") as data, xr.open_dataset(finished / "result.nc") as whole:
        xr.testing.assert_equal(data, whole)
    assert invoke("status", incomplete).exit_code == 0


def test_run_extends_a_study_whose_sweep_has_grown(study: Path, sweep: Path) -> None:
    sweep.write_text(SWEEP.replace("replicates = 3", "replicates = 4"))
    result = invoke("run", sweep, "--out", study)
    assert result.exit_code == 0
    assert "4/4 trajectories" in result.stderr
    assert json.loads(invoke("status", study, "--json").stdout)["complete"] == 16
    assert tomllib.loads((study / "sweep.toml").read_text())["replicates"] == 4


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("generations = 2", "generations = 3", "generations: the study holds results of other settings"),
        ("replicates = 3", "replicates = 2", "replicates: 2: the study has 3 already"),
        ("temperature = [0.5, 1.0]", "temperature = [0.5]", "cells that the sweep lacks (temperature = 1.0)"),
        ('title = "Tiny"', "seed = 1", "(seed 0, not 1)"),
    ],
)
def test_run_refuses_to_contradict_a_study(old: str, new: str, told: str, study: Path, sweep: Path) -> None:
    sweep.write_text(SWEEP.replace(old, new))
    result = invoke("run", sweep, "--out", study)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"jaxcollapse: {study}: ")
    assert result.stderr.count("\n") == 1
    assert told in result.stderr
    first, *kept, last = (study / "sweep.toml").read_text().splitlines(keepends=True)
    assert first.startswith("# ")
    assert last.startswith("# ")
    assert "".join(kept) == jc.Sweep.from_dict(tomllib.loads(SWEEP)).to_toml()


def test_run_refuses_a_folder_that_holds_something_else(sweep: Path, tmp_path: Path) -> None:
    result = invoke("run", sweep, "--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"jaxcollapse: {tmp_path}: is neither empty nor a study; name another folder with --out\n"
    assert list(tmp_path.iterdir()) == [sweep]


def test_a_run_that_diverges_says_so_and_is_done(sweep: Path, tmp_path: Path) -> None:
    sweep.write_text(SWEEP.replace("vocab_size = 8", "vocab_size = 8\noptimizer = 'momentum'\nlearning_rate = 3e38"))
    result = invoke("run", sweep, "--out", tmp_path / "study", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told["diverged"] > 0
    assert told["complete"] + told["diverged"] == 12
    assert result.stderr.splitlines()[-1] == (
        f"jaxcollapse: {told['diverged']} trajectories left the floating-point range"
    )


def test_a_process_of_its_own_writes_plain_text(sweep: Path, tmp_path: Path) -> None:
    """No colours, bars or carriage returns where nobody looks on; the same numbers as here."""
    result = process("run", "tiny.toml", folder=tmp_path)
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == f"study: {Path('results/tiny')}"
    assert "12/12 trajectories" in result.stderr
    for output in (result.stdout, result.stderr):
        assert "\x1b" not in output
        assert "\r" not in output
    with xr.open_dataset(tmp_path / "results" / "tiny" / "result.nc") as data:
        provenance = json.loads(data.attrs["provenance"])
        here = jc.run(jc.Sweep.from_toml(sweep), progress=False)
        xr.testing.assert_equal(data.entropy, here.entropy)
    assert provenance["command"][1:] == ["run", "tiny.toml"]
    assert process("status", "results/tiny", folder=tmp_path).returncode == 0


def test_help_tells_what_to_do_and_loads_no_jax() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "jaxcollapse", "--help"], capture_output=True, text=True, check=True
    )
    assert "jaxcollapse run quickstart.toml" in result.stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z]", result.stdout, re.MULTILINE)
    imported = set(re.findall(r"\|\s+(\S+)$", result.stderr, re.MULTILINE))
    assert "jaxcollapse.cli.main" in imported
    assert not imported & {"jax", "xarray", "optax", "pydantic"}


def test_examples_are_listed_without_jax() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "jaxcollapse", "examples"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "quickstart" in result.stdout
    assert not set(re.findall(r"\|\s+(\S+)$", result.stderr, re.MULTILINE)) & {"jax", "numpy"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert ("--json" in result.stdout) == (command != "explore"), "it shows, and says nothing for a machine to read"
    named = {"fields": ("NAME", "by default all"), "init": ("NAME", "lists"), "examples": ("OPTIONS", "shipped")}
    taken = ("SWEEP", "sweep file (TOML)") if command in ("plan", "run", "submit") else ("STUDY", "study folder")
    argument, meaning = named.get(command, taken)
    assert argument in result.stdout.splitlines()[0] + result.stdout.splitlines()[1]
    assert meaning in " ".join(result.stdout.split())
    assert invoke(command, "-h").stdout == result.stdout


@pytest.mark.parametrize("arguments", [["plna", "x"], ["run"], ["run", "x", "--outt", "y"], ["status", "x", "y"]])
def test_a_mistyped_command_line_returns_2(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert result.stdout == ""


def test_the_package_itself_is_light() -> None:
    """`import jaxcollapse` loads no JAX, and its public names are there all the same."""
    program = (
        "import sys, jaxcollapse; print('jax' in sys.modules, *dir(jaxcollapse)); print(jaxcollapse.Sweep.__name__)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded, *names = result.stdout.splitlines()[0].split()
    assert loaded == "False"
    assert set(names) >= {"InputError", "Plan", "Sweep", "__version__", "open_study", "plan", "run"}
    assert result.stdout.splitlines()[1] == "Sweep"
    with pytest.raises(AttributeError, match="no attribute 'sweep_of'"):
        jc.sweep_of  # noqa: B018


def test_a_picture_takes_the_place_of_a_link_and_spares_what_it_leads_to(sweep: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    sweep.write_text(SWEEP.replace('observables = ["entropy"]', NEEDED))
    study, precious = tmp_path / "study", tmp_path / "precious.txt"
    assert invoke("run", sweep, "--out", study, "-q").exit_code == 0
    precious.write_text("mine")
    (study / "phase.png").symlink_to(precious)
    assert invoke("run", sweep, "--out", study).exit_code == 0
    assert precious.read_text() == "mine"
    assert (study / "phase.png").read_bytes().startswith(b"\x89PNG")
    assert not (study / "phase.png").is_symlink()


def test_a_task_of_a_job_array_computes_the_whole_unless_it_is_asked_for_its_share(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {"ID": "1", "COUNT": "2", "MIN": "0"}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{key}", value)
    share = invoke("run", sweep, "--out", tmp_path / "study", "--share", "slurm")
    assert share.exit_code == 0
    assert share.stderr.startswith("jaxcollapse: computing share 1/2\n")
    assert json.loads(invoke("status", tmp_path / "study", "--json").stdout)["missing"] == 6
    whole = invoke("run", sweep, "--out", tmp_path / "study")
    assert whole.exit_code == 0
    assert whole.stderr.startswith("jaxcollapse: computing the whole sweep; --share slurm computes this task's share\n")
    assert (tmp_path / "study" / "result.nc").is_file()


def test_fields_are_told_with_their_defaults_and_when_they_matter() -> None:
    told = invoke("fields", "adam", "window").stdout
    assert "b2 = 0.999\n" in told
    assert "Number of generations kept by corpus = 'window'. Used with corpus = 'window'." in " ".join(told.split())
    assert next(line for line in told.splitlines() if not line.startswith(" ")) == "optimizer = sgd"
    everything = json.loads(invoke("fields", "--json").stdout)
    assert list(everything) == list(fields())
    assert everything["top_k"]["default"] == "inf"
    wrong = invoke("fields", "optimiser")
    assert (wrong.exit_code, wrong.stderr) == (2, "jaxcollapse: optimiser: unknown field (did you mean 'optimizer'?)\n")


def test_the_version_is_shown() -> None:
    assert invoke("--version").stdout == f"jaxcollapse {jc.__version__}\n"


def test_shipped_sweeps_are_listed_and_copied_with_their_data(tmp_path: Path) -> None:
    titles = json.loads(invoke("examples", "--json").stdout)
    assert set(titles) == {path.stem for path in (ROOT / "sweeps").glob("*.toml")}
    assert all(titles.values())
    listed = invoke("examples").stdout
    assert f"{titles['quickstart']}\n" in listed
    done = invoke("init", "quickstart", "--out", tmp_path)
    copied = tmp_path / "quickstart.toml"
    assert done.stdout.splitlines() == [
        f"wrote {copied}",
        f"wrote {tmp_path / 'data/smollm2_next_token.nc'}",
        f"next: jaxcollapse run {copied}",
    ]
    assert jc.Sweep.from_toml(copied) == jc.Sweep.from_toml(ROOT / "sweeps/quickstart.toml")
    schema = copied.read_text().splitlines()[0].removeprefix("#:schema ")
    assert Path(schema.removeprefix("file://")).name == "sweep.schema.json"
    assert Path(schema.removeprefix("file://")).is_file()
    assert invoke("init", "quickstart", "--out", tmp_path).exit_code == 0
    copied.write_text("mine")
    again = invoke("init", "quickstart", "--out", tmp_path)
    assert (again.exit_code, copied.read_text()) == (2, "mine")
    assert "exists already and differs" in again.stderr
    assert "did you mean 'quickstart'?" in invoke("init", "quikstart", "--out", tmp_path).stderr


def test_each_shipped_sweep_is_copied_whole(tmp_path: Path) -> None:
    for name in examples():
        copied, *data = copy_example(name, tmp_path / name)
        assert jc.Sweep.from_toml(copied).grid.column("initial").values
        assert all(path.is_file() for path in data)


def test_keys_are_set_on_the_command_line(sweep: Path) -> None:
    told = json.loads(
        invoke(
            *("plan", sweep, "--json", "--set", "replicates=5", "--set", "process.vocab_size=16"),
            *("--set", "axes.temperature=[0.9]", "--set", "process.optimizer=adam", "--set", "record.every=2"),
        ).stdout
    )
    assert (told["replicates"], told["shape"]) == (5, [1, 2])
    assert all(bucket["why"].startswith("adam") for bucket in told["buckets"])
    for change, problem in {
        "replicates": "set: 'replicates': must be KEY=VALUE, as in process.temperature=0.9",
        "process.vocab_size.x=3": "set.process.vocab_size.x: vocab_size is a value, 8; it has no keys",
        "process.lr=3": "process.lr: unknown key (did you mean 'learning_rate'?)",
        "process.temperature=1": "axes.temperature: temperature is also a constant in [process]; keep one of them",
    }.items():
        wrong = invoke("plan", sweep, "--set", change)
        assert (wrong.exit_code, problem in wrong.stderr) == (2, True), wrong.stderr


def test_a_study_takes_no_changes(sweep: Path, tmp_path: Path) -> None:
    assert invoke("run", sweep, "--out", tmp_path / "study", "--quiet").exit_code == 0
    wrong = invoke("plan", tmp_path / "study", "--set", "replicates=4")
    assert (wrong.exit_code, "a study has its own sweep" in wrong.stderr) == (2, True)


def test_run_and_plan_take_whatever_a_sweep_is_made_of(sweep: Path) -> None:
    keys = tomllib.loads(SWEEP)
    by_path = jc.run(str(sweep), progress=False)
    for what in (sweep, keys, jc.Sweep.from_dict(keys)):
        xr.testing.assert_equal(by_path, jc.run(what, progress=False))
        assert jc.plan(what).trajectories == 12
    assert jc.Sweep.of(keys).replace(replicates=2, axes={}).trajectories == 2
