"""Refined studies with derived fields, conditions, designs and rules for replicates; and what is done with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.store.study import Study
from tests.store.test_refining import SOUGHT, SWEEP, TO, begun, same
from tests.support.studies import assert_same_numbers, shards, stamps

TOP = {key: SWEEP[key] for key in ("seed", "generations", "record", "observables")}
WIDTH: dict[str, str | float] = {"temperature": "15%"}
OTHERS: dict[str, dict[str, Any]] = {
    "a derived field": {
        "process": {"vocab_size": 8, "learning_rate": {"times": "batch_size", "by": 0.1}},
        "axes": {"temperature": [0.6, 1.4], "batch_size": [1, 16]},
    },
    "a condition": {
        "process": {"vocab_size": 8},
        "axes": {
            "optimizer": ["sgd", "adam"],
            "b1": {"values": [0.5, 0.9], "where": {"optimizer": "adam"}},
            "temperature": [0.6, 1.4],
        },
    },
    "a design": {
        "process": {"vocab_size": 8},
        "axes": {
            "design": {"sobol": {"learning_rate": [0.1, 1.0], "batch_size": [1, 16]}, "points": 3},
            "temperature": [0.6, 1.4],
        },
    },
    "a rule for replicates": {
        "process": {"vocab_size": 8, "learning_rate": 0.5},
        "replicates": {"until": {"entropy": 0.2}, "least": 2, "most": 16},
        "axes": {"temperature": [0.6, 1.4]},
    },
}


def refine_in_shares(study: Path, to: dict[str, str | float], shares: tuple[str, ...]) -> None:
    """Computes one share after the other, until a round of all of them adds nothing."""
    before = None
    while before != (before := Study.open(study).sweep) or Study.open(study).summary()["missing"]:
        for share in shares:
            jc.refine(study, to, **SOUGHT, share=share, chunk_size=2, progress=False).close()


@pytest.mark.parametrize("kind", OTHERS)
def test_a_refined_study_has_the_bits_of_its_cells(tmp_path: Path, kind: str) -> None:
    """Also if two shares compute it, and its sweep is that of the study which one process has refined."""
    table = {"replicates": 4, **TOP, **OTHERS[kind]}
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    for study in (alone, shared):
        jc.run(table, study, progress=False).close()
    jc.refine(alone, WIDTH, **SOUGHT, progress=False).close()
    refine_in_shares(shared, WIDTH, ("0/2", "1/2"))
    same(shared, alone)
    sweep = Study.open(alone).sweep
    assert sweep.grid.cells > jc.Sweep.from_dict(table).grid.cells
    with jc.open_study(alone) as data:
        assert_same_numbers(data.load(), jc.run(sweep, progress=False))
    done = CliRunner().invoke(app, ["report", str(alone), "--json"])
    assert (done.exit_code, json.loads(done.stdout)["missing"]) == (0, 0)


def test_a_refined_study_grows_and_goes_on(tmp_path: Path) -> None:
    """By replicates, of which only new ones are computed, and by a smaller width."""
    study = begun(tmp_path / "study")
    jc.refine(study, WIDTH, **SOUGHT, progress=False).close()
    before = stamps(shards(study))
    jc.run(Study.open(study).sweep.replace(replicates=6), study, progress=False).close()
    assert before.items() <= stamps(shards(study)).items()
    cells = Study.open(study).sweep.grid.cells
    jc.refine(study, {"temperature": "5%"}, **SOUGHT, progress=False).close()
    sweep = Study.open(study).sweep
    assert sweep.grid.cells > cells
    assert sweep.replicates == 6
    with jc.open_study(study) as data:
        assert_same_numbers(data.load(), jc.run(sweep, progress=False))


def test_tasks_of_a_slurm_array_are_shares_of_every_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, alone = begun(tmp_path / "study"), begun(tmp_path / "alone")
    jc.refine(alone, TO, **SOUGHT, progress=False).close()
    for key, value in (("COUNT", "2"), ("MIN", "1"), ("MAX", "2"), ("STEP", "1")):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{key}", value)
    for first in range(12):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(first % 2 + 1))
        jc.refine(study, TO, **SOUGHT, share="slurm", chunk_size=4, progress=False).close()
    same(study, alone)


def test_a_refined_study_is_reported_planned_and_joined(tmp_path: Path) -> None:
    study, other = begun(tmp_path / "study"), tmp_path / "other"
    jc.refine(study, TO, **SOUGHT, progress=False).close()
    jc.run({**SWEEP, "axes": {"temperature": [1.1], "batch_size": [1, 4]}}, other, progress=False).close()
    for command in (["report", study], ["plan", study], ["join", study, other, "--out", tmp_path / "joined.nc"]):
        done = CliRunner().invoke(app, list(map(str, command)))
        assert done.exit_code == 0, done.stderr
    assert (study / "report.html").stat().st_size > 10_000
    with jc.open_study(study) as mine, jc.open_study(other) as theirs:
        joined = jc.concat([mine.load(), theirs.load()])
        row = joined.entropy.sel(temperature=1.1, batch_size=[1, 4])
        np.testing.assert_array_equal(row.transpose(*theirs.entropy.dims[1:]), theirs.entropy.sel(temperature=1.1))
