"""What goes wrong on real machines, really caused: too little memory, other users, wrong clocks, kills at the end."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.store import shard
from jaxcollapse.store.study import Study
from tests.conftest import ROOT
from tests.support.processes import Kill, Processes
from tests.support.studies import assert_same_numbers, copied, run, shards, stamps, sweep_of


def test_a_shard_that_reads_back_otherwise_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a disk that loses a bit."""
    write = xr.Dataset.to_netcdf

    def forgetful(data: xr.Dataset, path: Path, **options: Any) -> None:
        write(data, path, **options)
        with shard.netCDF4.Dataset(path, "a") as file:
            file["entropy"][0, 0] = np.nextafter(file["entropy"][0, 0], np.float32(0))

    monkeypatch.setattr(xr.Dataset, "to_netcdf", forgetful)
    with pytest.raises(OSError, match="entropy differs from what was written when it is read back"):
        run(tmp_path / "study")
    assert list((tmp_path / "study" / "shards").iterdir()) == []


_FORKING = """
import os, sys, threading, time
import jaxcollapse as jc
from tests.support.studies import run, sweep_of

def fork():
    while True:
        child = os.fork()
        if child == 0:
            time.sleep(0.1)
            os._exit(0)
        os.waitpid(child, 0)

for _ in range(3):
    threading.Thread(target=fork, daemon=True).start()
run(sys.argv[1], replicates=40)
"""


def test_processes_that_are_forked_while_a_run_writes_do_no_harm(tmp_path: Path) -> None:
    """They go on having open what was open then, as compilers do that JAX starts for GPUs; HDF5's locks would stay."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKING, str(tmp_path / "study")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert Study.open(tmp_path / "study").summary()["shards"] == 40
    with jc.open_study(tmp_path / "study") as data:
        assert_same_numbers(jc.run(sweep_of(replicates=40), progress=False), data.load())


def test_a_run_that_is_killed_while_it_assembles_the_dataset_goes_on(finished: Path, tmp_path: Path) -> None:
    """At each of several moments: nothing there, half a file there, the file whole but not in its place."""
    study, sweep_file = copied(finished, tmp_path), tmp_path / "sweep.toml"
    sweep_file.write_text(sweep_of().to_toml())
    with jc.open_study(finished) as data:
        undisturbed = data.load()
    kept, codes, states = stamps(shards(study)), [], set()
    with Processes() as processes:
        for event in range(1, 12):
            (study / "result.nc").unlink(missing_ok=True)
            codes.append(processes.run(sweep_file, study, kill=Kill(event=event, name="result.nc"))[0])
            states.add(bool(list(study.glob(".result.nc.*"))))
        assert set(codes) == {0, -9}
        assert states == {True, False}
        assert processes.run(sweep_file, study)[0] == 0
    assert_same_numbers(undisturbed, xr.load_dataset(study / "result.nc"))
    assert stamps(shards(study)) == kept
    assert not [path for path in study.rglob(".*") if path.is_file()]


def test_files_from_the_future_count(finished: Path, tmp_path: Path) -> None:
    """A clock that goes backwards makes such files."""
    study = copied(finished, tmp_path)
    lost, *kept = shards(study)
    lost.unlink()
    later = time.time() + 10**6
    for path in [*kept, study / "result.nc", study / "sweep.toml", study / "plan.json"]:
        os.utime(path, (later, later))
    before = stamps(kept)
    data = run(study)
    assert stamps(kept) == before
    assert lost.exists()
    with jc.open_study(finished) as undisturbed:
        assert_same_numbers(undisturbed.load(), data)


def test_a_run_that_ends_before_it_began_is_told_as_it_was(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock: each look at it gives an earlier time."""
    from jaxcollapse.execute import local, provenance

    times = [provenance.now() - (provenance.now() - provenance.now().replace(year=2000 + i)) for i in range(20, 0, -1)]
    for module in (provenance, local):
        monkeypatch.setattr(module, "now", lambda: times.pop(0) if len(times) > 1 else times[0])
    with jc.open_study(finished) as undisturbed:
        assert_same_numbers(undisturbed.load(), run(tmp_path / "study"))
    told = json.loads(xr.load_dataset(tmp_path / "study" / "result.nc").attrs["provenance"])
    assert told["start"] > told["end"]


# Python and its packages may be where that user may not read: they are loaded before.
OPENED = """
import os, sys
import jaxcollapse as jc
jc.open_study(sys.argv[1]).load().to_netcdf(sys.argv[3] + ".first.nc")
os.setgroups([]), os.setgid(65534), os.setuid(65534)
with jc.open_study(sys.argv[2]) as data:
    data.load().to_netcdf(sys.argv[3])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become another user")
@pytest.mark.parametrize("complete", [True, False])
def test_another_user_who_may_only_read_opens_a_study(complete: bool, finished: Path) -> None:
    """Complete or not: then the dataset is put together where that user's caches are."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    own = folder / "own"
    own.mkdir()
    shutil.chown(own, user=65534)
    study = copied(finished, folder)
    if not complete:
        shards(study)[0].unlink()
        (study / "result.nc").unlink()
    command = [sys.executable, "-c", OPENED, str(finished), str(study), str(own / "copy.nc")]
    environment = {**os.environ, "HOME": str(own), "XDG_CACHE_HOME": str(own / "cache")}
    before = sorted(study.rglob("*"))
    for _ in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert sorted(study.rglob("*")) == before
    with xr.open_dataset(own / "copy.nc") as copy, jc.open_study(finished) as undisturbed:
        there = copy.status.values > 0
        assert there.all() == complete
        np.testing.assert_array_equal(copy.entropy.values[there], undisturbed.entropy.values[there])
        assert np.isnan(copy.entropy.values[~there]).all()
    shutil.rmtree(folder)


HOT = {"vocab_size": 4, "batch_size": 1, "temperature": float("inf"), "optimizer": "momentum"}


def test_trajectories_that_leave_the_floating_point_range_are_marked_and_leave_others_alone(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"generations": 30, "record": {"every": 10}, "process": HOT}
    sweep = sweep_of(axes={"learning_rate": [0.5, 3e38]}, **settings)
    alone = sweep_of(axes={"learning_rate": [0.5]}, **settings)
    with jc.run(sweep, tmp_path / "study", progress=False) as data:
        assert data.status.values.tolist() == [[1] * 4, [2] * 4]
        np.testing.assert_array_equal(
            data.entropy.values[:1], jc.run(alone, progress=False).entropy.values, strict=True
        )
    told = Study.open(tmp_path / "study").summary()
    assert (told["complete"], told["diverged"], told["missing"]) == (4, 4, 0)
