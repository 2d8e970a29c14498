"""The scripts in sweeps/batch: what they start computes a study in shares, and the tools they are for accept them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import kubernetes_validate
import pytest
import xarray as xr
import yaml

import jaxcollapse as jc
from tests.cluster.slurm import Slurm
from tests.conftest import ROOT
from tests.support.studies import SWEEP, assert_same_numbers, shards

BATCH = ROOT / "sweeps" / "batch"
SHARES = 2


def loaded(name: str) -> dict[str, Any]:
    return yaml.safe_load((BATCH / name).read_text())


def container() -> dict[str, Any]:
    """What each pod of the Kubernetes job runs."""
    (only,) = loaded("kubernetes.yaml")["spec"]["template"]["spec"]["containers"]
    return only


def started_by(name: str, share: int, sweep: Path, study: Path) -> tuple[list[str], dict[str, str]]:
    """What a script runs on a machine for one share, and in which environment its tool does so."""
    both = {"SWEEP": str(sweep), "STUDY": str(study)}
    if name == "slurm.sh":
        told = {"SLURM_ARRAY_TASK_ID": str(3 + share), "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_COUNT": "2"}
        return ["bash", str(BATCH / name), str(sweep), str(study)], told
    if name == "skypilot.yaml":
        told = {"SKYPILOT_NODE_RANK": str(share), "SKYPILOT_NUM_NODES": str(SHARES)}
        return ["bash", "-c", loaded(name)["run"]], {**both, **told}
    told = {"JOB_COMPLETION_INDEX": str(share), "SHARES": str(SHARES)}
    return [*container()["command"], *container()["args"]], {**both, **told}


@pytest.mark.parametrize("name", ["slurm.sh", "skypilot.yaml", "kubernetes.yaml"])
def test_a_batch_script_computes_a_study_in_shares(name: str, tmp_path: Path) -> None:
    sweep, study = tmp_path / "small.toml", tmp_path / "study"
    sweep.write_text(jc.Sweep.from_dict({**SWEEP, "process": {"vocab_size": 16}}).to_toml())
    command = tmp_path / "jaxcollapse"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m jaxcollapse "$@" --chunk-size 4\n')
    command.chmod(0o700)
    for share in range(SHARES):
        arguments, told = started_by(name, share, sweep, study)
        environment = {**os.environ, **told, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(arguments, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(shards(study)) == 2 * (share + 1)
        assert (study / "result.nc").exists() == (share == 1)
    with xr.open_dataset(study / "result.nc") as data:
        alone = jc.run(jc.Sweep.from_toml(sweep), devices=jax.local_devices()[:1], progress=False)
        assert_same_numbers(data, alone)


def test_slurm_accepts_its_script(slurm: Slurm) -> None:
    script = str(BATCH / "slurm.sh")
    subprocess.run(["bash", "-n", script], check=True)
    assert "to start at" in slurm("sbatch", "--test-only", script, "a.toml", "a")


@pytest.mark.parametrize("version", ["1.31", "1.33", kubernetes_validate.latest_version()])
def test_kubernetes_accepts_its_job(version: str) -> None:
    kubernetes_validate.validate(loaded("kubernetes.yaml"), version, strict=True)


def test_the_kubernetes_job_starts_as_many_pods_as_there_are_shares() -> None:
    environment = {entry["name"]: entry["value"] for entry in container()["env"]}
    assert environment["SHARES"] == str(loaded("kubernetes.yaml")["spec"]["completions"])


def test_the_skypilot_task_has_only_keys_that_there_are() -> None:
    """SkyPilot itself is too large to be installed for a test."""
    task = loaded("skypilot.yaml")
    keys = {"name", "num_nodes", "workdir", "resources", "envs", "file_mounts", "setup", "run"}
    assert set(task) == keys
    assert set(task["resources"]) == {"cpus", "use_spot"}
    (mount,) = task["file_mounts"].values()
    assert set(mount) == {"name", "mode"}
    assert mount["mode"] in {"MOUNT", "COPY", "MOUNT_CACHED"}
    subprocess.run(["bash", "-n"], input=f"{task['setup']}\n{task['run']}", text=True, check=True)
