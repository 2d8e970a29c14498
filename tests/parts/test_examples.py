"""The shipped plug-ins, one for each kind of part: refused unless loaded, killed and resumed, in workers, edited."""

import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.parts.plugin import LOADED, forget
from jaxcollapse.sweep.reading import read_toml
from tests.conftest import ROOT
from tests.support import interruptible
from tests.support.studies import assert_same_numbers, shards

FOLDER = ROOT / "examples" / "plugins"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))
FEWER: dict[str, Any] = {"replicates": 4, "generations": 20, "record": {"every": 10}}
# What an edit of each changes: another number in its text, which other results follow from.
EDITS = {
    "confident": (">= sure_above", ">= sure_above / 2"),
    "first_and_last": ("first + samples)", "first + 3 * samples)"),
    "lion": ("weight_decay=0.0", "weight_decay=0.3"),
    "noisy_judge": ("+ judge_noise *", "+ 2 * judge_noise *"),
    "novelty": ("return sharpness *", "return 2 * sharpness *"),
    "pass_at_k": ("SAMPLES = 16", "SAMPLES = 4"),
    "periodic": ("urn, traces * self", "urn, 2 * traces * self"),
    "reinforce": ("(self.scores[None] - self.score_baseline)", "(2 * self.scores[None] - self.score_baseline)"),
    "softcap": ("return self.cap * jnp.tanh", "return 0.5 * self.cap * jnp.tanh"),
    "twin_peaks": ("-slope *", "-2 * slope *"),
}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    for name in list(LOADED):
        forget(name)


@pytest.fixture(scope="module")
def worker() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=EXAMPLES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fewer(name: str, folder: Path) -> Path:
    """The sweep file of an example, with less to compute."""
    path = folder / f"{name}.toml"
    sweep_file = read_toml(FOLDER / path.name) | FEWER
    loaded = jc.load_plugin(FOLDER / f"{name}.py")
    path.write_text(jc.Sweep.from_dict(sweep_file).to_toml())
    forget(loaded.name)
    return path


def test_each_kind_of_part_has_an_example() -> None:
    assert set(EDITS) == set(EXAMPLES)
    decorators = {line.split("(")[0] for name in EXAMPLES for line in (FOLDER / f"{name}.py").read_text().split("\n")}
    kinds = ("corpus", "event", "initial", "loss_term", "observable", "optimizer", "parameters", "reward", "walk")
    assert {f"@jc.{kind}" for kind in (*kinds, "update_rule")} <= decorators


def test_an_example_that_is_only_named_is_refused(name: str, tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["run", str(FOLDER / f"{name}.toml"), "--out", str(tmp_path / "study")])
    told = f"plugins: {name!r} is not loaded; give --plugin FILE, or import it in Python\n"
    assert (ended.exit_code, ended.stderr) == (2, f"jaxcollapse: {FOLDER / name}.toml: {told}")
    assert not (tmp_path / "study").exists()


def test_an_example_is_the_same_in_a_study_that_was_killed_in_memory_and_in_a_worker(
    name: str, tmp_path: Path, worker: ProcessPoolExecutor
) -> None:
    study, plugin = tmp_path / "study", str(FOLDER / f"{name}.py")
    command = ["run", str(fewer(name, tmp_path)), "--out", str(study), "--quiet", "--plugin", plugin]
    command += ["--chunk-size", "4"]
    killed = subprocess.run(
        [sys.executable, "-c", interruptible.signalled(9, shards=1), *command], cwd=tmp_path, check=False
    )
    assert killed.returncode == -9
    assert len(shards(study)) == 1
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 0, ended.stderr
    loaded = jc.load_plugin(plugin)
    sweep = jc.Sweep.from_toml(tmp_path / f"{name}.toml")
    assert f"of {loaded.name} (sha256 {loaded.digest})".split(" of ")[-1].split(" ")[0] in repr(jc.plan(sweep))
    in_memory = jc.run(sweep, progress=False)
    with xr.open_dataset(study / "result.nc") as data:
        assert_same_numbers(data.load(), in_memory)
    assert_same_numbers(in_memory, jc.run(sweep, executor=worker, progress=False))


def test_an_example_that_is_edited_is_computed_anew(name: str, tmp_path: Path) -> None:
    """In one process, where old programs are at hand; and a study that has begun with the old text does not go on."""
    plugin, path = tmp_path / f"{name}.py", fewer(name, tmp_path)
    before, after = EDITS[name]
    text = (FOLDER / f"{name}.py").read_text()
    assert before in text
    command = ["run", str(path), "--quiet", "--plugin", str(plugin), "--out", str(tmp_path / "study")]
    found = []
    for edited in (text, text.replace(before, after)):
        plugin.write_text(edited)
        jc.load_plugin(plugin)
        found.append(jc.run(jc.Sweep.from_toml(path), progress=False))
        ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 2
    assert f"came from the plug-in {name} (sha256 " in ended.stderr
    names = [variable for variable in found[0] if variable != "status"]
    assert any(not np.array_equal(found[0][each], found[1][each], equal_nan=True) for each in names)
