"""Studies are refined: the same bits as a grid, round by round, also if they are stopped, and by the command."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.errors import InputError
from jaxcollapse.store.study import Study
from tests.support.studies import assert_same_numbers, shards, stamps

SWEEP: dict[str, Any] = {
    "title": "Where entropy falls below a level",
    "seed": 5,
    "replicates": 4,
    "generations": 20,
    "record": {"every": 10},
    "observables": ["entropy"],
    "process": {"vocab_size": 8, "learning_rate": 0.5},
    "axes": {"temperature": [0.6, 1.0, 1.4], "batch_size": [1, 4, 16]},
}
TO = {"temperature": "10%", "batch_size": "20%"}
SOUGHT: dict[str, Any] = {"of": "entropy", "level": 1.5}


def begun(folder: Path) -> Path:
    jc.run(SWEEP, folder, progress=False).close()
    return folder


@pytest.fixture(scope="module")
def refined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was refined without a break."""
    study = begun(tmp_path_factory.mktemp("refined") / "study")
    jc.refine(study, TO, **SOUGHT, progress=False).close()
    return study


def test_a_boundary_is_known_to_the_width_along_the_first_grid(refined: Path) -> None:
    with jc.open_study(refined) as data:
        entropy = data.entropy.isel(generation=-1).mean("replicate").load()
    found = 0
    for batch_size in SWEEP["axes"]["batch_size"]:
        known = entropy.sel(batch_size=batch_size).dropna("temperature")
        above = known.values > 1.5
        for place in np.flatnonzero(np.diff(above)):
            found += 1
            assert float(known.temperature[place + 1] - known.temperature[place]) <= 0.08 + 1e-12
    assert found >= 2


def test_refined_cells_have_the_bits_of_a_grid(refined: Path) -> None:
    with jc.open_study(refined) as data:
        held = data.entropy.load()
    new = next(value for value in held.temperature.values if value not in SWEEP["axes"]["temperature"])
    row = held.sel(temperature=new).dropna("batch_size", how="all")
    grid = jc.run({**SWEEP, "axes": {"temperature": [float(new)], "batch_size": row.batch_size.values}}, progress=False)
    np.testing.assert_array_equal(grid.entropy.sel(temperature=new), row)


def test_rounds_that_are_made_one_by_one_give_the_same_study(tmp_path: Path, refined: Path) -> None:
    study = begun(tmp_path / "study")
    sizes = []
    for _ in range(20):
        before = stamps(shards(study))
        jc.refine(study, TO, **SOUGHT, rounds=1, progress=False).close()
        assert before.items() <= stamps(shards(study)).items(), "a round computes only what is new"
        sizes.append(Study.open(study).sweep.grid.cells)
        if len(sizes) > 1 and sizes[-1] == sizes[-2]:
            break
    assert 2 < len(sizes) < 20
    with jc.open_study(study) as one, jc.open_study(refined) as other:
        assert_same_numbers(one.load(), other.load())


def test_a_refinement_that_is_killed_goes_on(tmp_path: Path, refined: Path) -> None:
    study = begun(tmp_path / "study")
    command = [sys.executable, "-m", "jaxcollapse", "refine", str(study), "--of", "entropy", "--level", "1.5"]
    command += ["--axis", "temperature", "--axis", "batch_size", "--to", "10%", "--to", "20%"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("round 1"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with jc.open_study(study) as one, jc.open_study(refined) as other:
        assert_same_numbers(one.load(), other.load())


def ask(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(map(str, ("refine", *arguments))))
    return done.exit_code, done.stdout, done.stderr


def test_the_plan_of_a_round_says_what_it_costs_and_changes_nothing(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}
    how = ("--axis", "temperature", "--to", "10%", "--of", "entropy", "--level", "1.5", "--plan")
    code, told, _ = ask(study, *how)
    assert code == 0
    assert "between neighbours that disagree" in told
    code, text, _ = ask(study, *how, "--json")
    cost = json.loads(text)
    assert cost["trajectories"] == 4 * cost["cells"] > 0
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--axis", "temprature", "--to", "1%"), "axis: 'temprature' is not an axis of the first grid"),
        (("--axis", "temperature", "--to", "thin"), "to: 'thin': must be a positive number"),
        (("--axis", "temperature", "--to", "1%", "--to", "2%"), "to: 2 widths for 1 axes"),
        (("--axis", "temperature", "--to", "1%"), "of: the verdict needs the observables"),
        (("--axis", "temperature", "--to", "1%", "--of", "entropy"), "of: level is missing"),
        (("--axis", "temperature", "--to", "1%", "--of", "entropi", "--level", "1"), "of: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_refined_is_refused(refined: Path, arguments: tuple[str, ...], told: str) -> None:
    code, _, message = ask(refined, *arguments, "--quiet")
    assert code == 2
    assert told in message
    assert len(message.splitlines()) == 1


def test_the_sweep_of_before_cannot_extend_a_refined_study_and_the_message_says_what_to_do(refined: Path) -> None:
    with pytest.raises(InputError, match=r"was refined, run the study itself"):
        jc.run(SWEEP, refined, progress=False)
