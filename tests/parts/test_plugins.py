"""Observables and events of a user's own: in memory, by the command line, in studies and in workers; edited or lost."""

import json
import multiprocessing
import os
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
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.parts import plugin
from jaxcollapse.parts.plugin import LOADED, forget
from tests.conftest import ROOT, Compiles
from tests.support import interruptible
from tests.support.studies import assert_same_numbers, shards

EXAMPLE = ROOT / "examples" / "plugins" / "pass_at_k.py"
SWEEP_FILE = EXAMPLE.with_suffix(".toml")
MINE = """
import jax.numpy as jnp
import jaxcollapse as jc

FACTOR = 1.0

@jc.observable(units="nat", label="twice the entropy")
def doubled(now):
    '''Twice the entropy.'''
    return FACTOR * 2 * now.entropy

@jc.event
def half_gone(now):
    '''First generation at which half of the tokens are gone.'''
    return jnp.mean(now.p < 1e-6) >= 0.5
"""
SWEEP: dict[str, Any] = {
    "replicates": 4,
    "generations": 40,
    "record": {"every": 10},
    "plugins": ["mine"],
    "observables": ["entropy", "doubled", "half_gone"],
    "process": {"vocab_size": 16, "initial": {"kind": "zipf"}, "update": "refit", "samples": 16},
    "axes": {"temperature": [0.9, 1.0]},
}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Parts are those of the test."""
    yield
    for name in list(LOADED):
        forget(name)
    for name in set(OBSERVABLES) - set(OBSERVABLES.own):
        del OBSERVABLES[name]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    """What a sweep file says that names the plug-in; no code is needed to write it."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in SWEEP.items() if not isinstance(value, dict)]
    lines += ["record.every = 10", "[process]", "vocab_size = 16", 'initial = { kind = "zipf" }', 'update = "refit"']
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([*lines, "samples = 16", "[axes]", "temperature = [0.9, 1.0]", ""]))
    return path


def invoked(*arguments: Path | str) -> Any:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_part_of_ones_own_is_measured_and_described(mine: Path) -> None:
    found = jc.load_plugin(mine)
    data = jc.run(jc.Sweep.from_dict(SWEEP), progress=False)
    np.testing.assert_allclose(data.doubled.values, 2 * data.entropy.values, rtol=1e-6)
    assert data.doubled.attrs["long_name"] == "twice the entropy"
    assert data.doubled.attrs["units"] == "nat"
    assert data.doubled.attrs["description"] == "Twice the entropy."
    assert data.doubled.attrs["source"] == f"plug-in mine (sha256 {found.digest})"
    assert json.loads(data.attrs["provenance"])["plugins"] == {"mine": found.digest}
    gone = data.half_gone.sel(temperature=0.9)
    assert ((gone > 0) & (gone <= 40)).all()


def test_an_event_of_ones_own_happens_when_its_records_say_so(mine: Path) -> None:
    """The event is watched at each generation, and the logits of each are recorded."""
    jc.load_plugin(mine)
    data = jc.run(jc.Sweep.from_dict({**SWEEP, "record": {"every": 1, "logits": True}}), progress=False)
    gone = (np.exp(data.logits) < 1e-6).mean("token") >= 0.5
    expected = gone.idxmax("generation").where(gone.any("generation"))
    np.testing.assert_array_equal(data.half_gone.values, expected.values)


def test_an_observable_of_ones_own_changes_no_other_number(mine: Path) -> None:
    jc.load_plugin(mine)
    plain = {**SWEEP, "plugins": [], "observables": ["entropy"]}
    alone = jc.run(jc.Sweep.from_dict(plain), progress=False)
    beside = jc.run(jc.Sweep.from_dict({**SWEEP, "observables": ["entropy", "doubled"]}), progress=False)
    np.testing.assert_array_equal(alone.entropy.values, beside.entropy.values)


def test_all_and_default_stay_what_they_are(mine: Path) -> None:
    before = {group: jc.Sweep.from_dict({"observables": [group]}).chosen for group in ("all", "default")}
    jc.load_plugin(mine)
    for group, chosen in before.items():
        assert jc.Sweep.from_dict({"observables": [group]}).chosen == chosen


def test_the_command_line_takes_a_plugin_for_all_commands(mine: Path, sweep_file: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    plan = invoked("plan", sweep_file, "--plugin", mine)
    assert "plug-in: doubled from mine (sha256 " in plan.stdout
    assert "by XLA in every generation" in plan.stdout
    ran = invoked("run", sweep_file, "--plugin", mine, "--out", study, "--quiet")
    assert ran.exit_code == 0, ran.stderr
    for command in ("status", "finalize", "report", "plan", "run"):
        done = invoked(command, study, "--plugin", mine)
        assert done.exit_code == 0, done.stderr
    with xr.open_dataset(study / "result.nc") as data:
        assert {"doubled", "half_gone"} <= set(data)


def test_a_plugin_that_is_only_named_is_refused_and_not_run(mine: Path, sweep_file: Path, tmp_path: Path) -> None:
    """Each command in a process of its own, as a user's: in one line, by exit code 2."""
    mine.write_text(MINE + "\nraise SystemExit('it ran')\n")
    command = [sys.executable, "-m", "jaxcollapse", "run", str(sweep_file)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = "plugins: 'mine' is not loaded; give --plugin FILE, or import it in Python\n"
    assert (ended.returncode, ended.stderr) == (2, f"jaxcollapse: starting\njaxcollapse: {sweep_file}: {told}")
    assert not (tmp_path / "results").exists()


def test_a_study_that_is_killed_goes_on_with_the_plugin(mine: Path, sweep_file: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    command = ["run", str(sweep_file), "--out", str(study), "--quiet", "--plugin", str(mine), "--chunk-size", "1"]
    killed = subprocess.run([sys.executable, "-c", interruptible.signalled(9, shards=2), *command], check=False)
    assert killed.returncode == -9
    assert len(shards(study)) == 2
    assert invoked(*command).exit_code == 0
    jc.load_plugin(mine)
    with jc.open_study(study) as data:
        assert_same_numbers(data.load(), jc.run(jc.Sweep.from_toml(sweep_file), progress=False))


def test_a_study_goes_on_with_the_same_text_only(mine: Path, sweep_file: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    assert invoked("run", sweep_file, "--plugin", mine, "--out", study, "--quiet").exit_code == 0
    before = {path: path.read_bytes() for path in study.rglob("*.nc")}
    mine.write_text(MINE.replace("FACTOR = 1.0", "FACTOR = 3.0"))
    for command in ("run", "status", "finalize", "report"):
        ended = invoked(command, study, "--plugin", mine)
        assert ended.exit_code == 2
        assert "doubled came from the plug-in mine (sha256 " in ended.stderr
        assert ended.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in study.rglob("*.nc")} == before
    other = tmp_path / "other"
    assert invoked("run", sweep_file, "--plugin", mine, "--out", other, "--quiet").exit_code == 0
    with xr.open_dataset(study / "result.nc") as old, xr.open_dataset(other / "result.nc") as new:
        np.testing.assert_allclose(new.doubled.values, 3 * old.doubled.values, rtol=1e-6)


def test_an_edited_plugin_meets_no_compiled_program(
    mine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither in this process nor on disk; nor does a helper of its own, which is outside of its text."""
    helper = tmp_path / "helper_of_mine.py"
    helper.write_text("factor = 1.0\n")
    text = MINE.replace("FACTOR = 1.0", "from helper_of_mine import factor as FACTOR")
    mine.write_text(text)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code = (
        "import sys, jaxcollapse as jc; sys.path.insert(0, '.'); jc.load_plugin('mine.py');"
        f"data = jc.run(jc.Sweep.from_dict({SWEEP!r}), progress=False);"
        "print(float((data.doubled / data.entropy).median()))"
    )

    def ratio() -> float:
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        return float(done.stdout)

    assert ratio() == pytest.approx(2)
    assert ratio() == pytest.approx(2)
    helper.write_text("factor = 2.0\n")
    os.utime(helper, (1, 1))  # so that no bytecode is taken for it
    assert ratio() == pytest.approx(4)
    mine.write_text(text.replace("* 2 *", "* 4 *"))
    assert ratio() == pytest.approx(8)


def test_a_second_process_compiles_nothing_for_a_plugin(mine: Path, sweep_file: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from tests.conftest import counted; import jaxcollapse as jc; jc.load_plugin(sys.argv[1])\n"
        "with counted() as compiles:\n"
        "    jc.run(jc.Sweep.from_toml(sys.argv[2]), progress=False)\n    print(compiles())\n"
    )
    here = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(mine), str(sweep_file)]
    first, second = (
        int(subprocess.run(command, env=here, capture_output=True, text=True, check=True).stdout) for _ in range(2)
    )
    assert (first, second) == (1, 0)


def test_a_function_that_is_defined_anew_is_traced_anew(compiles: Compiles) -> None:
    """As in a notebook, where a cell is run again: also where its text is the same, and what it refers to is not."""
    sweep = {**SWEEP, "plugins": [], "observables": ["entropy", "scaled"]}

    def define(factor: float) -> None:
        @jc.observable
        def scaled(now: Any) -> Any:
            return factor * now.entropy

    for factor in (2.0, 3.0):
        define(factor)
        data = jc.run(jc.Sweep.from_dict(sweep), progress=False)
        np.testing.assert_allclose(data.scaled.values, factor * data.entropy.values, rtol=1e-6)
    assert compiles() == 2


def test_code_without_a_text_is_known_by_what_it_was_compiled_to(tmp_path: Path) -> None:
    """As `python -c` and `exec` have it: the same digest in each process, and another one where it differs."""
    digests, sweep = [], {**SWEEP, "plugins": [], "observables": ["scaled"]}
    for factor in (2, 2, 3):
        code = (
            "import json, jaxcollapse as jc\n@jc.observable\ndef scaled(now):\n"
            f"    return sum(p * {factor} for p in [now.entropy])\n"
            f"data = jc.run(jc.Sweep.from_dict({sweep!r}), progress=False)\n"
            "print(json.loads(data.attrs['provenance'])['plugins'])"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        digests.append(done.stdout)
    assert digests[0] == digests[1] != digests[2]


def test_workers_load_the_plugin(mine: Path, sweep_file: Path) -> None:
    jc.load_plugin(mine)
    sweep = jc.Sweep.from_toml(sweep_file)
    expected = jc.run(sweep, progress=False)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert_same_numbers(expected, jc.run(sweep, executor=pool, progress=False))
        mine.write_text(MINE.replace("FACTOR = 1.0", "FACTOR = 3.0"))
        with pytest.raises(jc.InputError, match="a worker has another version of the plug-in mine"):
            jc.run(jc.Sweep.from_dict({**sweep.to_dict(), "seed": 1}), executor=pool, progress=False)


def test_a_slurm_task_loads_the_plugin(mine: Path, sweep_file: Path, tmp_path: Path) -> None:
    from jaxcollapse.cluster.request import Request
    from jaxcollapse.cluster.submission import Submission
    from jaxcollapse.cluster.task import Task
    from jaxcollapse.planning.share import Share

    jc.load_plugin(mine)
    submission = Submission(jc.Sweep.from_toml(sweep_file), tmp_path / "study", Request(tasks=1, name="mine"))
    assert submission.plugins == (str(mine),)
    submission.prepare()
    plugins = submission.plugins
    forget("mine")
    Task(tmp_path / "study", Share(0, 1), "cpu", plugins=plugins)()
    assert len(shards(tmp_path / "study")) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nothing_of_this_name", "plugin: ModuleNotFoundError: No module named 'nothing_of_this_name' ("),
        ("def", "plugin: SyntaxError: "),
        (MINE.replace("def doubled", "def entropy"), "observables: 'entropy' is an observable of the package"),
        (MINE.replace("def doubled", "def tempering"), "observables: 'tempering' is the name of a group"),
        (MINE.replace("2 * now.entropy", "now.p"), "observables.doubled: returns an array of shape (16,); a scalar"),
        (
            MINE.replace("2 * now.entropy", "now.nothing"),
            "observables.doubled: AttributeError: 'Snapshot'",
        ),
        (MINE.replace(" >= 0.5", ""), "observables.half_gone: returns float32; an event returns true or false"),
        (
            MINE.replace("@jc.event", "@jc.event(models=('mlp',))"),
            "observables: 'half_gone' is for 'mlp', ",
        ),
        (MINE.replace("doubled", "momentum"), "observables: 'momentum': a plug-in uses the name of"),
    ],
    ids=["import", "syntax", "known", "group", "shape", "attribute", "dtype", "model", "field"],
)
def test_a_mistake_in_a_plugin_is_told_in_a_line(
    text: str, told: str, mine: Path, sweep_file: Path, tmp_path: Path
) -> None:
    mine.write_text(text)
    if "def momentum" in text:
        sweep_file.write_text(sweep_file.read_text().replace("doubled", "momentum"))
    ended = invoked("run", sweep_file, "--plugin", mine, "--out", tmp_path / "study")
    assert ended.exit_code == 2
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "study").exists()


def test_an_installed_package_offers_a_plugin_by_an_entry_point(
    mine: Path, sweep_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site"
    (installed / "mine_for_collapse").mkdir(parents=True)
    (installed / "mine_for_collapse/__init__.py").write_text("")
    (installed / "mine_for_collapse/measures.py").write_text(MINE)
    told = installed / "mine_for_collapse-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: mine-for-collapse\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[jaxcollapse.parts]\nmine = mine_for_collapse.measures\n")
    monkeypatch.syspath_prepend(installed)
    mine.unlink()
    monkeypatch.chdir(tmp_path)
    ended = invoked("run", sweep_file, "--plugin", "mine", "--out", tmp_path / "study", "--quiet")
    assert ended.exit_code == 0, ended.stderr
    ended = invoked("run", sweep_file, "--plugin", "mien", "--out", tmp_path / "study", "--quiet")
    assert (ended.exit_code, "no such file (did you mean 'mine'?)" in ended.stderr) == (2, True)


def test_the_shipped_example_runs_from_outside_of_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jaxcollapse", "run", str(SWEEP_FILE), "--plugin", str(EXAMPLE), "--quiet"]
    subprocess.run([*command, "--out", str(tmp_path / "study")], cwd=tmp_path, check=True, capture_output=True)
    with xr.open_dataset(tmp_path / "study" / "result.nc") as data:
        found = data.pass_at_16.mean("replicate")
        cold = found.sel(temperature=0.9)
        assert float(found.min()) >= 0
        assert (cold.isel(generation=-1) < cold.isel(generation=0) / 5).all()
        assert float(found.sel(temperature=1.0, batch_size=64).isel(generation=-1)) > 0.05
        lost = data.rare_half_lost
        seen = data.pass_at_16.where(data.generation >= lost)
        assert (lost.sel(temperature=0.9).count("replicate") > 8).all()
        assert np.isfinite(seen.sel(temperature=0.9)).any()


def test_what_a_callback_computes_is_not_kept_on_disk(mine: Path, sweep_file: Path, tmp_path: Path) -> None:
    """A compiled program holds the address of a Python function, which the next process does not have."""
    mine.write_text(
        MINE.replace(
            "return FACTOR * 2 * now.entropy",
            "return jax.pure_callback(lambda x: 2 * x, now.entropy, now.entropy, vmap_method='sequential')",
        ).replace("import jax.numpy", "import jax\nimport jax.numpy")
    )
    cache = tmp_path / "cache"
    command = [sys.executable, "-m", "jaxcollapse", "run", str(sweep_file), "--plugin", str(mine), "--quiet", "--out"]
    here = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    for name in ("one", "two"):
        subprocess.run([*command, str(tmp_path / name)], env=here, check=True, capture_output=True)
        with xr.open_dataset(tmp_path / name / "result.nc") as data:
            np.testing.assert_allclose(data.doubled.values, 2 * data.entropy.values, rtol=1e-6)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_forgotten_plugin_leaves_nothing_behind(mine: Path) -> None:
    """So each test begins without plug-ins, with the package's parts alone."""
    assert not plugin.LOADED
    assert set(OBSERVABLES) == set(OBSERVABLES.own)
    jc.load_plugin(mine)
    assert set(OBSERVABLES) - set(OBSERVABLES.own) == {"doubled", "half_gone"}
    assert jc.Sweep.from_dict(SWEEP).chosen
    forget("mine")
    assert not plugin.LOADED
    assert set(OBSERVABLES) == set(OBSERVABLES.own)
    with pytest.raises(jc.InputError, match="'mine' is not loaded"):
        jc.Sweep.from_dict(SWEEP)
