"""On a real Slurm: what is submitted runs, loses no finished shard, and ends in the numbers of a local run."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import xarray as xr

import jaxcollapse as jc
from tests.cluster.slurm import Slurm, wait_until
from tests.support.studies import assert_same_numbers, shards

TASKS = 4
SWEEP: dict[str, Any] = {
    "title": "Shared",
    "seed": 3,
    "replicates": 2,
    "generations": 1000,
    "record": {"every": 500},
    "observables": ["entropy", "collapse_time"],
    "process": {"vocab_size": 256, "batch_size": 16},
    "axes": {"temperature": [0.9, 1.0, 1.1], "learning_rate": [0.1, 0.2, 0.5, 1.0]},
}
CHUNK = 1  # so there are 24 shards, six for each task


def command(slurm: Slurm, *arguments: str | Path) -> subprocess.Popen[str]:
    """`jaxcollapse` with these arguments, where Slurm's commands are."""
    whole = [sys.executable, "-m", "jaxcollapse", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(whole, env=slurm.environment, text=True, **pipes)


def answer(slurm: Slurm, *arguments: str | Path) -> str:
    """What the command prints when all is well."""
    process = command(slurm, *arguments)
    printed, told = process.communicate()
    assert process.returncode == 0, told
    return printed


@pytest.fixture
def sweep_file(tmp_path: Path) -> Path:
    path = tmp_path / "shared.toml"
    path.write_text(jc.Sweep.from_dict(SWEEP).to_toml())
    return path


def _processes_of(task: str, job: str) -> list[psutil.Process]:
    """Those that compute for a task of an array."""
    found = []
    for process in psutil.process_iter():
        try:
            told = process.environ()
        except psutil.Error:
            continue
        is_python = "submitit.core._submit" in process.cmdline() and process.name() != "srun"
        if is_python and (told.get("SLURM_ARRAY_JOB_ID"), told.get("SLURM_ARRAY_TASK_ID")) == (job, task):
            found.append(process)
    return found


@contextlib.contextmanager
def watching(slurm: Slurm, study: Path) -> Iterator[subprocess.Popen[str]]:
    """`jaxcollapse status --watch`, which is ended if it does not end itself."""
    process = command(slurm, "status", study, "--watch")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_submitted_study_whose_tasks_are_killed_or_run_out_of_time_comes_out_as_a_local_run_does(
    slurm: Slurm, sweep_file: Path, tmp_path: Path
) -> None:
    study = tmp_path / "a study"
    asked = ["--tasks", str(TASKS), "--time", "30", "--cpus-per-task", "1", "--chunk-size", str(CHUNK)]
    planned = answer(slurm, "submit", sweep_file, "--out", study, *asked, "--dry-run", "--json")
    assert not study.exists()
    printed = answer(slurm, "submit", sweep_file, "--out", study, *asked)
    array, after = re.findall(r"^array job (\d+); job (\d+) assembles", printed, re.MULTILINE)[0]
    assert f"watch: jaxcollapse status '{study}' --watch" in printed
    assert (study / "slurm" / f"{array}_submission.sh").read_text() == json.loads(planned)["array_script"]
    with watching(slurm, study) as watch:
        wait_until(lambda: _processes_of("1", array) and len(shards(study)) >= 4, 60, "some shards are stored")
        for process in _processes_of("1", array):
            process.send_signal(signal.SIGKILL)
        kept = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in shards(study)}
        assert len(kept) < 24
        slurm("scancel", "--signal=USR2", f"{array}_2")  # as Slurm does before a task's time is up
        ended = f"{array}_1"
        wait_until(lambda: slurm.states(array).get(ended) not in ("RUNNING", "COMPLETING"), 30, "the task has failed")
        slurm("scontrol", "requeue", ended)
        told, progress = watch.communicate(timeout=90)
    assert watch.returncode == 0, progress
    assert progress.splitlines()[-1].startswith("24/24 trajectories, ")
    assert told.startswith("Shared: 24 of 24 trajectories\n")
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept} == kept
    assert len(shards(study)) == 24

    wait_until(lambda: slurm.states(after) == {after: "COMPLETED"}, 60, "the dataset is assembled")
    assert set(slurm.states(array).values()) == {"COMPLETED"}
    logs = {path.name: path.read_text() for path in (study / "slurm").glob("*_log.out")}
    assert set(logs) == {f"{after}_0_log.out", *(f"{array}_{task}_0_log.out" for task in range(TASKS))}
    assert '"missing": 0' in logs[f"{after}_0_log.out"]
    begun = [logs[f"{array}_{task}_0_log.out"].count("Starting with JobEnvironment") for task in range(TASKS)]
    assert begun == [1, 2, 2, 1]
    assert "Requeued job" in logs[f"{array}_2_0_log.out"]
    with xr.open_dataset(study / "result.nc") as data:
        assert_same_numbers(data, jc.run(jc.Sweep.from_dict(SWEEP), progress=False))


def test_what_is_missing_in_the_end_is_said_by_the_last_job_and_submitted_again(
    slurm: Slurm, sweep_file: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    asked = ["--out", study, "--tasks", "2", "--json"]
    sweep_file.write_text(jc.Sweep.from_dict({**SWEEP, "generations": 20, "record": {"every": 10}}).to_toml())
    # What this shell command says, happens before each task: one does not get so far.
    setup = ["--setup", '[ "$SLURM_ARRAY_TASK_ID" = 1 ] && exit 7', "--chunk-size", "4"]
    jobs = json.loads(answer(slurm, "submit", sweep_file, *asked, *setup))
    array, after = jobs["array_job"], jobs["finalize_job"]
    wait_until(lambda: slurm.states(after) == {after: "FAILED"}, 60, "the last job says that something is missing")
    assert slurm.states(array) == {f"{array}_0": "COMPLETED", f"{array}_1": "FAILED"}
    assert re.search(r"^\d+ of 24 trajectories are missing: submit", _log(jobs, after), re.MULTILINE)
    jobs = json.loads(answer(slurm, "submit", study, *asked, "--chunk-size", "4"))
    after = jobs["finalize_job"]
    wait_until(lambda: slurm.states(after) == {after: "COMPLETED"}, 60, "nothing is missing")
    assert answer(slurm, "submit", study, "--chunk-size", "4") == f"nothing is missing in {study}\n"


def test_tasks_give_their_cells_replicates_until_a_rule_is_met(slurm: Slurm, sweep_file: Path, tmp_path: Path) -> None:
    """Each task goes through the rounds with whole cells of its own."""
    study, rule = tmp_path / "study", {"until": {"entropy": 0.2}, "least": 2, "most": 16}
    sweep = jc.Sweep.from_dict({**SWEEP, "generations": 100, "record": {"every": 50}, "replicates": rule})
    sweep_file.write_text(sweep.to_toml())
    asked = ["--out", study, "--tasks", "2", "--time", "10", "--cpus-per-task", "1", "--chunk-size", "4"]
    printed = answer(slurm, "submit", sweep_file, *asked)
    assert printed.startswith("24 trajectories in the next round for 2 tasks on cpu: each goes on with its cells")
    _, after = re.findall(r"^array job (\d+); job (\d+) assembles", printed, re.MULTILINE)[0]
    wait_until(lambda: slurm.states(after) == {after: "COMPLETED"}, 180, "the last job says that nothing is missing")
    with xr.open_dataset(study / "result.nc") as data:
        alone = jc.run(sweep, progress=False)
        assert_same_numbers(alone, data)
        assert len(set(alone.replicates.values.ravel().tolist())) > 1


@pytest.mark.optimised  # here and in the tasks, or the last digits of Adam's cells differ
def test_tasks_share_the_cells_of_grids_conditions_designs_and_fields_that_follow(
    slurm: Slurm, sweep_file: Path, tmp_path: Path
) -> None:
    """Places without a cell belong to no task; the others come out as in a local run."""
    study = tmp_path / "study"
    slurm = dataclasses.replace(slurm, environment={**slurm.environment, "XLA_FLAGS": os.environ["XLA_FLAGS"]})
    sweep = jc.Sweep.from_dict(
        {
            **SWEEP,
            "generations": 20,
            "record": {"every": 10},
            "process": {"vocab_size": 16, "batch_size": {"times": "vocab_size", "by": 0.25}},
            "axes": {
                "optimizer": ["sgd", "adam"],
                "learning_rate": {"values": [0.2, 1.0], "where": {"optimizer": "sgd"}},
                "design": {"sobol": {"temperature": [0.9, 1.1]}, "points": 2},
            },
            "grid": [{"optimizer": ["sgd"], "learning_rate": [0.2], "design": {"zip": {"temperature": [1.0, 1.15]}}}],
        }
    )
    sweep_file.write_text(sweep.to_toml())
    asked = ["--out", study, "--tasks", "3", "--time", "10", "--cpus-per-task", "1", "--chunk-size", "2", "--json"]
    jobs = json.loads(answer(slurm, "submit", sweep_file, *asked))
    array, after = jobs["array_job"], jobs["finalize_job"]
    wait_until(lambda: slurm.states(after) == {after: "COMPLETED"}, 180, "the dataset is assembled")
    assert slurm.states(array) == {f"{array}_{task}": "COMPLETED" for task in range(3)}
    assert len(shards(study)) == 8
    with xr.open_dataset(study / "result.nc") as data:
        assert_same_numbers(data, jc.run(sweep, progress=False))
        assert data.entropy.isel(generation=-1).count() == 16 < data.entropy.isel(generation=-1).size


def _log(jobs: dict[str, Any], job: str) -> str:
    return Path(jobs["logs"], f"{job}_0_log.out").read_text()


def test_a_dry_run_prints_scripts_that_bash_and_sbatch_accept(slurm: Slurm, sweep_file: Path, tmp_path: Path) -> None:
    asked = ["--tasks", "3", "--max-parallel", "2", "--time", "1-02:00", "--mem", "100M", "--cpus-per-task", "2"]
    more = ["--setup", "export A='b c'", "--slurm", "comment=two words", "--slurm", "exclusive", "--dry-run", "--json"]
    asked += ["--chunk-size", str(CHUNK)]  # else one task would do
    before = sorted(tmp_path.iterdir())
    told = json.loads(answer(slurm, "submit", sweep_file, "--out", tmp_path / "s", *asked, *more))
    assert sorted(tmp_path.iterdir()) == before
    for name in ("array_script", "finalize_script"):
        script = tmp_path / f"{name}.sh"
        script.write_text(told[name].replace("afterany:ARRAY_JOB_ID", "singleton"))
        subprocess.run(["bash", "-n", script], check=True)
        assert "to start at" in slurm("sbatch", "--test-only", str(script))
    assert "#SBATCH --array=0-2%2\n" in told["array_script"]
    assert "#SBATCH --comment='two words'\n#SBATCH --cpus-per-task=2\n#SBATCH --exclusive\n" in told["array_script"]
    assert "#SBATCH --time=1560\n" in told["array_script"]
    assert "exclusive" not in told["finalize_script"]


def test_what_slurm_refuses_is_said_in_one_line(slurm: Slurm, sweep_file: Path, tmp_path: Path) -> None:
    refused = command(slurm, "submit", sweep_file, "--out", tmp_path / "study", "--tasks", "1", "--partition", "none")
    _, told = refused.communicate()
    assert refused.returncode == 2
    assert told.count("\n") == 1
    assert "invalid partition specified: none" in told
