"""Studies are refined: the same bits as a grid, round by round, also if they are stopped, and by the command."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse import running
from jaxcollapse.cli.main import app
from jaxcollapse.errors import InputError
from jaxcollapse.planning import Plan
from jaxcollapse.refining import Sought
from jaxcollapse.store.study import Study
from tests.report.known import known
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


def same(study: Path, other: Path) -> None:
    """Both studies have the same cells, with the same bits."""
    assert Study.open(study).sweep == Study.open(other).sweep
    with jc.open_study(study) as one, jc.open_study(other) as two:
        assert_same_numbers(one.load(), two.load())


def test_each_round_is_planned_once(tmp_path: Path, refined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, planned, plan = begun(tmp_path / "study"), list[int](), running.plan

    def counted(sweep: jc.Sweep, **options: Any) -> Plan:
        planned.append(sweep.grid.cells)
        return plan(sweep, **options)

    monkeypatch.setattr(running, "plan", counted)
    jc.refine(study, TO, **SOUGHT, progress=False).close()
    assert len(planned) == len(set(planned)) > 3, "one plan for what was there, and one for each round"
    same(study, refined)


def test_shares_take_part_in_every_round_and_none_goes_ahead(tmp_path: Path, refined: Path) -> None:
    study = begun(tmp_path / "study")
    rounds = 0
    for _ in range(20):
        before = Study.open(study).sweep.grid.cells
        for share in ("0/2", "1/2"):
            jc.refine(study, TO, **SOUGHT, share=share, chunk_size=4, progress=False).close()
            held = Study.open(study)
            if share == "0/2" and (missing := held.summary()["missing"]):
                grown = held.sweep.grid.cells
                assert 0 < missing < 4 * (grown - before)
                jc.refine(study, TO, **SOUGHT, share=share, chunk_size=4, progress=False).close()
                assert Study.open(study).sweep.grid.cells == grown, "it does not go on before the other share"
        rounds += 1
        if not Study.open(study).summary()["missing"]:
            break
    assert 1 < rounds < 20
    same(study, refined)


def test_a_pool_of_processes_refines(tmp_path: Path, refined: Path) -> None:
    study = begun(tmp_path / "study")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        jc.refine(study, TO, **SOUGHT, executor=pool, progress=False).close()
    same(study, refined)


def started(study: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "jaxcollapse", "refine", str(study), "--of", "entropy", "--level", "1.5"]
    command += ["--axis", "temperature", "--axis", "batch_size", "--to", "10%", "--to", "20%", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_shares_side_by_side_that_are_killed_and_made_again_give_the_same_study(
    tmp_path: Path, refined: Path
) -> None:
    study = begun(tmp_path / "study")
    shares = [(study, "--share", f"{index}/2", "--chunk-size", "4") for index in range(2)]
    first, second = (started(*each) for each in shares)
    assert first.stderr is not None
    for line in first.stderr:
        if line.startswith("round 1"):
            first.kill()
            break
    first.communicate()
    second.communicate()
    assert (first.returncode, second.returncode) == (-signal.SIGKILL, 0)
    for _ in range(20):
        told = [process.communicate()[1] for process in [started(*each, "--quiet") for each in shares]]
        if not any("trajectories of other shares are missing" in each for each in told):
            break
    same(study, refined)


def test_two_processes_without_shares_share_the_work(tmp_path: Path, refined: Path) -> None:
    study = begun(tmp_path / "study")
    both = [started(study, "--chunk-size", "4") for _ in range(2)]
    for process in both:
        _, told = process.communicate()
        assert process.returncode == 0, told
    same(study, refined)


def test_a_share_that_waits_for_others_says_so(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    how = ("--axis", "temperature", "--to", "10%", "--of", "entropy", "--level", "1.5", "--chunk-size", "4", "--quiet")
    code, told, message = ask(study, *how, "--share", "1/2")
    missing = Study.open(study).summary()["missing"]
    assert missing > 0
    assert code == 0, "as for a share of a run"
    assert f"share 1/2 of this round is complete; {missing} trajectories of other shares are missing" in message
    assert told == f"study: {study}\n"
    code, _, message = ask(study, *how, "--share", "2/2")
    assert code == 2
    assert "2/2 is not a valid share" in message


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


def test_few_replicates_are_taken_as_they_are_and_many_say_what_is_sure() -> None:
    """Six that are all on one side are sure of a half; five can never be."""
    axes = {"temperature": [0.5, 1.0]}
    for replicates, sure in ((5, [True, True]), (6, [True, False])):
        data = known(axes, ["unchanged", "forgetting"], replicates, {"forgetting": 2})
        above, surely = Sought().sides(data)
        assert above.values.tolist() == [0, 1]
        assert surely.values.tolist() == sure


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
