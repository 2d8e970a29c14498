"""Studies whose cells get replicates until intervals are narrow: the same numbers and decisions, whatever happens."""

import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.errors import InputError
from jaxcollapse.store.study import Study
from tests.support.processes import Kill, Processes
from tests.support.studies import assert_same_numbers, shards, stamps

RULE: dict[str, Any] = {"until": {"entropy": 0.05, "collapse_time": 0.2}, "least": 8, "most": 64}
SWEEP: dict[str, Any] = {
    "title": "Until",
    "replicates": RULE,
    "generations": 30,
    "record": {"every": 10},
    "observables": ["entropy", "collapse_time"],
    "process": {"vocab_size": 16, "batch_size": 4},
    "axes": {"temperature": [0.8, 1.0, 1.2], "learning_rate": [0.1, 1.0, 3.0]},
}
CHUNK = 16


def sweep_of(**changed: Any) -> jc.Sweep:
    return jc.Sweep.from_dict({**SWEEP, **changed})


def ruled(**changed: Any) -> jc.Sweep:
    return sweep_of(replicates={**RULE, **changed})


def run(folder: Path | None, sweep: jc.Sweep, **options: Any) -> xr.Dataset:
    where = {} if "executor" in options else {"devices": jax.local_devices()[:1]}
    with jc.run(sweep, folder, chunk_size=CHUNK, progress=False, **where, **options) as data:
        return data.load()


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("until") / "study"
    run(folder, ruled())
    return folder


@pytest.fixture(scope="module")
def undisturbed() -> xr.Dataset:
    return run(None, ruled())


@pytest.fixture(scope="module")
def plain() -> xr.Dataset:
    return run(None, sweep_of(replicates=64))


def numbers_of(values: np.ndarray, events: np.ndarray) -> int:
    """How many replicates a cell needs by the rule, computed anew from all of its trajectories."""
    for number in (8, 16, 32):
        spread = _student(number) * values[:number].std(ddof=1) / np.sqrt(number)
        share, z = np.mean(~np.isnan(events[:number])), 1.959964
        width = z / (1 + z**2 / number) * np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
        if spread <= RULE["until"]["entropy"] and width <= RULE["until"]["collapse_time"]:
            return number
    return 64


def _student(number: int) -> float:
    return {8: 2.364624, 16: 2.131450, 32: 2.039513}[number]


def test_trajectories_have_the_bits_of_a_sweep_with_a_number(undisturbed: xr.Dataset, plain: xr.Dataset) -> None:
    number = undisturbed.replicates
    wanted = (plain.replicate < number).transpose(..., "replicate")
    assert number.dims == ("temperature", "learning_rate")
    assert number.dtype == np.int32
    assert set(np.unique(number)) >= {8, 64}
    assert undisturbed.sizes["replicate"] == int(number.max())
    np.testing.assert_array_equal(undisturbed.status == 1, wanted)
    for name in ("entropy", "collapse_time"):
        expected = plain[name].where(wanted).transpose(*plain[name].dims)
        np.testing.assert_array_equal(undisturbed[name].values, expected.values)
    last = plain.isel(generation=-1)
    for cell in np.ndindex(3, 3):
        assert number.values[cell] == numbers_of(last.entropy.values[cell], last.collapse_time.values[cell])


def test_a_study_holds_what_a_run_in_memory_gives(finished: Path, undisturbed: xr.Dataset) -> None:
    with xr.open_dataset(finished / "result.nc") as data:
        assert_same_numbers(undisturbed, data)
        np.testing.assert_array_equal(data.replicates, undisturbed.replicates)
        assert data.attrs["sweep"] == ruled().to_toml()
    assert Study.open(finished).sweep.stopping == ruled().stopping


def test_nothing_is_missing_beyond_what_the_rule_asks_for(finished: Path, tmp_path: Path) -> None:
    with jc.open_study(finished) as data:
        wanted = int(data.replicates.sum())
        assert len(data.collapse.missing()) == 0
        told = data.collapse.summary()
        np.testing.assert_array_equal(told.counted, data.replicates)
        assert int(told.missing.sum()) == 0
        assert "replicates: 8 to 64" in repr(data.collapse)
        assert len(data.isel(replicate=slice(0, 5)).collapse.missing()) == 0
        lost = data.assign(
            status=data.status.where(data.replicate > 0, 0).astype(np.int8).assign_attrs(data.status.attrs)
        )
        assert lost.collapse.missing()["replicates missing"].tolist() == ["0"] * 9
    result = invoke("status", finished)
    assert result.exit_code == 0
    assert f"Until: {wanted} of {wanted} trajectories" in result.stdout
    assert "    decided   9 of 9 cells, with 8 to 64 replicates" in result.stdout
    told = json.loads(invoke("status", finished, "--json").stdout)
    assert (told["trajectories"], told["complete"], told["missing"]) == (wanted, wanted, 0)
    assert (told["cells"], told["decided"], told["replicates"]) == (9, 9, [8, 64])
    report = invoke("report", finished, "--out", tmp_path / "page.html", "--json")
    assert (report.exit_code, json.loads(report.stdout)["missing"]) == (0, 0)
    again = stamps(shards(finished))
    assert invoke("run", finished, "--quiet").exit_code == 0
    assert stamps(shards(finished)) == again


def test_a_run_that_is_killed_in_any_round_goes_on(tmp_path: Path, undisturbed: xr.Dataset) -> None:
    sweep_file, study = tmp_path / "until.toml", tmp_path / "study"
    sweep_file.write_text(ruled().to_toml())
    options = ("--chunk-size", str(CHUNK), "--devices", "1")
    seen, codes = set[int](), []
    with Processes() as processes:
        for event in (40, 60, 80, 60, 80, 100, 120, None):
            kill = None if event is None else Kill(event=event, storing=True, name="/shards/")
            code, told = processes.run(sweep_file, study, *options, kill=kill)
            codes.append(code)
            assert code in (0, -9), told
            summary = Study.open(study).summary()
            assert summary["trajectories"] == summary["complete"] + summary["missing"]
            assert (summary["decided"] == 9) == (summary["missing"] == 0)
            seen.add(int(Study.open(study).asked().number.max()))
    assert -9 in codes
    assert len(seen) > 1, "not killed in different rounds"
    assert summary["missing"] == 0
    with jc.open_study(study) as data:
        assert_same_numbers(undisturbed, data.load())
        np.testing.assert_array_equal(data.replicates, undisturbed.replicates)


def test_two_runs_at_once_compute_every_trajectory_once(tmp_path: Path, undisturbed: xr.Dataset) -> None:
    sweep_file, study = tmp_path / "until.toml", tmp_path / "study"
    sweep_file.write_text(ruled().to_toml())
    command = [sys.executable, "-m", "jaxcollapse", "run", str(sweep_file), "--out", str(study), "--quiet"]
    runs = [subprocess.Popen([*command, "--chunk-size", "4"], stderr=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate()[1].decode() for process in runs]
    assert [process.returncode for process in runs] == [0, 0], told
    held = sum(len(rows) for rows in Study.open(study).shards().good.values())
    assert held == int(undisturbed.replicates.sum())
    with jc.open_study(study) as data:
        assert_same_numbers(undisturbed, data.load())


def test_shares_decide_alone_and_are_together_the_whole(tmp_path: Path, undisturbed: xr.Dataset) -> None:
    study, sweep_file = tmp_path / "study", tmp_path / "until.toml"
    sweep_file.write_text(ruled().to_toml())
    for index in (2, 0, 1):
        result = invoke("run", sweep_file, "--out", study, "--share", f"{index}/3", "--quiet")
        assert result.exit_code == 0, result.stderr
        asked = Study.open(study).asked()
        assert (~asked.is_open).sum() == {2: 3, 0: 6, 1: 9}[index], "of three cells each share has decided"
    with jc.open_study(study) as data:
        assert_same_numbers(undisturbed, data.load())
    with pytest.raises(InputError, match="the sweep has 9 cells, and a share has whole ones"):
        jc.run(ruled(), tmp_path / "other", share="0/10", progress=False)
    mine = run(None, ruled(), share="1/3")
    decided = (mine.status == 1).any("replicate")
    assert int(decided.sum()) == 3
    np.testing.assert_array_equal(mine.replicates.where(decided, 0), undisturbed.replicates.where(decided, 0))
    assert int(mine.collapse.summary().missing.sum()) == 6 * RULE["least"]


def test_a_pool_of_processes_gives_the_same(tmp_path: Path, undisturbed: xr.Dataset) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert_same_numbers(undisturbed, run(tmp_path / "study", ruled(), executor=pool))
        assert_same_numbers(undisturbed, run(None, ruled(), executor=pool))


def test_a_narrower_rule_and_a_higher_most_compute_only_what_is_new(
    tmp_path: Path, undisturbed: xr.Dataset, plain: xr.Dataset
) -> None:
    study = tmp_path / "study"
    run(study, ruled())
    before = stamps(shards(study))
    narrower = ruled(until={"entropy": 0.03, "collapse_time": 0.2}, most=128)
    assert invoke("plan", study, "--json").exit_code == 0
    data = run(study, narrower)
    kept = stamps(shards(study))
    assert {name: kept[name] for name in before} == before
    assert_same_numbers(run(None, narrower), data)
    assert (data.replicates >= undisturbed.replicates).all()
    assert int(data.replicates.max()) == 128
    held = sum(len(rows) for rows in Study.open(study).shards().good.values())
    assert held == int(data.replicates.sum()), "nothing is computed twice"
    with pytest.raises(InputError, match=r"replicates\.most: 64: the study has 128 already"):
        run(study, ruled(most=64))


def test_a_study_goes_from_a_number_to_a_rule_and_back(
    tmp_path: Path, undisturbed: xr.Dataset, plain: xr.Dataset
) -> None:
    study = tmp_path / "study"
    run(study, sweep_of(replicates=20))
    data = run(study, ruled())
    np.testing.assert_array_equal(data.replicates, undisturbed.replicates)
    held = xr.where(undisturbed.replicates > 20, undisturbed.replicates, 20)
    np.testing.assert_array_equal((data.status == 1).sum("replicate"), held)
    np.testing.assert_array_equal(
        data.entropy, plain.entropy.where(plain.replicate < held).transpose(*plain.entropy.dims)
    )
    assert len(data.collapse.missing()) == 0
    told = Study.open(study).summary()
    assert told["trajectories"] == told["complete"] == int(undisturbed.replicates.sum())
    with pytest.raises(InputError, match="replicates: 32: the study has 64 already"):
        run(study, sweep_of(replicates=32))
    assert_same_numbers(plain, run(study, sweep_of(replicates=64)))


def test_a_number_below_the_most_is_enough_for_what_a_study_holds(tmp_path: Path) -> None:
    study = tmp_path / "study"
    wide = ruled(until={"entropy": 10.0}, most=4096)
    assert run(study, wide).sizes["replicate"] == 8
    assert run(study, sweep_of(replicates=10)).sizes["replicate"] == 10


def test_a_study_with_a_rule_gets_more_generations(tmp_path: Path) -> None:
    study = tmp_path / "study"
    record = {"every": 10, "state": True}
    short = jc.Sweep.from_dict({**SWEEP, "record": record, "generations": 20})
    longer = short.replace(generations=30)
    run(study, short)
    data = run(study, longer)
    alone = run(None, longer)
    np.testing.assert_array_equal(data.replicates, alone.replicates)
    held = (data.status == 1).sum("replicate")
    assert (held >= alone.replicates).all()
    wanted = data.replicate < data.replicates
    for name in ("entropy", "collapse_time"):
        one, other = xr.align(data[name].where(wanted), alone[name], join="outer")
        np.testing.assert_array_equal(one.transpose(*other.dims), other)


def test_a_lost_shard_is_computed_again(tmp_path: Path, undisturbed: xr.Dataset) -> None:
    study = tmp_path / "study"
    run(study, ruled())
    (study / "result.nc").unlink()
    lost = shards(study)[:2]
    lost[0].unlink()
    lost[1].write_bytes(lost[1].read_bytes()[:500])
    assert invoke("status", study).exit_code == 1
    assert_same_numbers(undisturbed, run(study, ruled()))
    assert invoke("status", study).exit_code == 0


def test_a_plan_says_the_least_and_the_most(tmp_path: Path) -> None:
    plan = jc.plan(ruled())
    assert plan.trajectories == 9 * 8
    told = plan.to_dict()["rule"]
    assert told["most_trajectories"] == 9 * 64
    assert told["most_run_seconds"] > plan.seconds
    assert told["most_disk_bytes"] > plan.disk_bytes
    text = str(plan)
    assert "72 trajectories" in text
    assert "8 to 64 in each cell, until entropy is known within ±0.05, collapse_time is known within ±0.2" in text
    assert "all rounds together are at most 576 trajectories" in text
    assert "8 to 64 replicates until entropy ± 0.05, collapse_time ± 0.2" in str(ruled())


def test_a_cell_that_does_not_get_narrow_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path / "study", ruled())
    assert "cells stop at 64 replicates, where entropy is not known within ±0.05" in caplog.text
