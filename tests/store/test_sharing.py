"""Runs at the same time compute different chunks, and what one of them has claimed the others wait for."""

import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.execute import execute
from jaxcollapse.planning import share_of, this_machine
from jaxcollapse.planning.share import Share
from jaxcollapse.running import prepare
from jaxcollapse.store import claims
from jaxcollapse.store.arrivals import Arrivals
from jaxcollapse.store.lock import Lock, is_locked, locked
from jaxcollapse.store.study import Study
from tests.store.test_study import LONG
from tests.support.engines import xla_alone
from tests.support.studies import CHUNK, assert_same_numbers, copied, run, shards, stamps, sweep_of

COUNTED = """
import sys
import jaxcollapse.store.study as study
stored, write = [], study.write_shard
def counted(*arguments):
    stored.append(write(*arguments))
study.write_shard = counted
from jaxcollapse.cli.main import app
try:
    app(sys.argv[1:])
finally:
    print(len(stored), file=sys.stderr)
"""


def test_two_runs_at_once_compute_every_chunk_once(tmp_path: Path) -> None:
    """As long as neither is killed: one alone stores all, or both together."""
    sweep_file, study = tmp_path / "long.toml", tmp_path / "study"
    sweep = jc.Sweep.from_dict(LONG)
    sweep_file.write_text(sweep.to_toml())
    command = [sys.executable, "-c", COUNTED, "run", str(sweep_file), "--out", str(study), "--quiet"]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in range(2)]
    told = [process.communicate()[1].decode() for process in runs]
    assert [process.returncode for process in runs] == [0, 0], told
    counts = [int(text.splitlines()[-1]) for text in told]
    assert sum(counts) == len(shards(study)) == 60
    with jc.open_study(study) as data:
        assert_same_numbers(jc.run(sweep, progress=False), data.load())
    assert not [path for path in study.rglob(".*") if path.is_file()]


def test_a_chunk_that_another_run_has_claimed_is_waited_for(
    finished: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The other run is this test, which holds the lock of a chunk and stores it in the end."""
    study = copied(finished, tmp_path)
    theirs, mine = shards(study)[:2]
    content = theirs.read_bytes()
    for path in (theirs, mine, study / "result.nc"):
        path.unlink()
    claim = Lock(study / "shards" / f".{theirs.stem}.lock")
    assert claim.acquire(wait=False)

    def store() -> None:
        while not mine.exists():
            time.sleep(0.01)
        time.sleep(1)
        assert not theirs.exists(), "claimed by another run, and computed nevertheless"
        theirs.write_bytes(content)
        stored.update(stamps([theirs]))
        claim.release()

    stored: dict[str, tuple[int, bytes]] = {}
    other = threading.Thread(target=store)
    other.start()
    data = run(study)
    other.join()
    assert stored
    assert stamps([theirs]) == stored, "not computed again"
    assert f"1 chunks are being computed by process {os.getpid()} on {socket.gethostname()}; waiting" in caplog.text
    with jc.open_study(finished) as undisturbed:
        assert_same_numbers(undisturbed.load(), data)


def test_a_chunk_whose_run_ended_without_storing_it_is_taken_over(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    lost = shards(study)[0]
    lost.unlink()
    lock = study / "shards" / f".{lost.stem}.lock"
    text = f"import fcntl\nfile = open({str(lock)!r}, 'w')\nfcntl.flock(file, 2)\nprint(1, flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert Study.open(study).summary()["computing"] == 1
        threading.Timer(1.5, holder.kill).start()
        run(study)
    assert lost.exists()
    assert not lock.exists()


def test_what_a_paused_run_holds_is_computed_here_when_it_has_stored_nothing_for_long(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(claims, "_PATIENCE", 0.1)
    study = copied(finished, tmp_path)
    lost = shards(study)[0]
    before = lost.read_bytes()
    lost.unlink()
    text = (
        "import sys\nfrom pathlib import Path\nfrom jaxcollapse.store.lock import Lock\n"
        "lock = Lock(Path(sys.argv[1]))\nprint(lock.acquire(wait=False), flush=True)\ninput()"
    )
    command = [sys.executable, "-c", text, str(study / "shards" / f".{lost.stem}.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        holder.send_signal(signal.SIGSTOP)
        data = run(study)
        holder.kill()
    assert (data.status == 1).all()
    assert (
        f"process {holder.pid} on {socket.gethostname()} stored nothing for 0 s; computing its chunks here"
        in caplog.text
    )
    assert len(lost.read_bytes()) == len(before)


def test_parts_of_a_chunk_that_another_run_has_stored_are_not_computed_again(finished: Path, tmp_path: Path) -> None:
    """A run that is stopped, or slow, stores the finished tiles of a chunk as a shard of their own."""
    study = copied(finished, tmp_path)
    machine, sweep = this_machine(jax.local_devices()[:1]), sweep_of()
    for path in shards(study)[1:]:
        path.unlink()
    prospect = prepare(sweep, study, machine, CHUNK)
    arrivals = Arrivals(study / "shards", prospect.whole, prospect.seen, prospect.study.shards)
    chunk, other, _ = prospect.todo.chunks
    part = prospect.todo.part(chunk, np.array([0, 2]))
    (result,) = execute(replace(prospect.todo, chunks=(part,)), lambda trajectories: None)
    prospect.study.write(result)
    arrivals.look()
    rest = arrivals.rest(chunk)
    assert rest is not None
    assert rest.replicates.tolist() == chunk.replicates[[1, 3]].tolist()
    assert (rest.claim, rest.id) == (chunk.id, prospect.todo.name(rest.cells, rest.replicates))
    assert arrivals.rest(other) is other
    again = prepare(sweep, study, machine, CHUNK).todo.chunks
    assert [(each.id, each.claim) for each in again] == [
        (rest.id, chunk.id),
        *((each.id, each.id) for each in prospect.todo.chunks[1:]),
    ]
    kept = stamps(shards(study))
    data = run(study)
    assert {name: stamps(shards(study))[name] for name in kept} == kept
    assert len(shards(study)) == 5
    with jc.open_study(finished) as undisturbed:
        assert_same_numbers(undisturbed.load(), data)


def test_what_was_left_by_runs_that_were_killed_is_swept_up(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    shard = shards(study)[0]
    left = [
        study / "shards" / f".{shard.name}.0123456789abcdef.tmp",
        study / "shards" / f".{shard.stem}.lock",
        study / ".sweep.toml.0123.tmp",
        study / ".plan.json.0123.tmp",
        study / ".result.nc.0123.tmp",
    ]
    for path in left:
        path.write_bytes(b"half")
    others = study / "shards" / ".fedcba9876543210.nc.01.tmp"
    others.write_bytes(b"being written")
    claim = Lock(study / "shards" / ".fedcba9876543210.lock")
    assert claim.acquire(wait=False)
    run(study)
    assert not [path for path in left if path.exists()]
    assert others.exists(), "a run that is still at work writes to it"
    claim.release()


def test_runs_go_without_locks_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    data = run(tmp_path / "study")
    assert (data.status == 1).all()
    assert "no locks on this file system" in caplog.text


def test_one_waits_until_another_has_planned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    order = []

    def wait() -> None:
        with locked(tmp_path / ".lock", "plans"):
            order.append("waited")

    with locked(tmp_path / ".lock", "plans"):
        other = threading.Thread(target=wait)
        other.start()
        while "waiting for another run" not in caplog.text:
            assert other.is_alive(), "it did not wait"
            time.sleep(0.01)
        order.append("planned")
    other.join()
    assert order == ["planned", "waited"]
    assert f"waiting for another run, which plans {tmp_path}: process {os.getpid()} on " in caplog.text
    assert not (tmp_path / ".lock").exists()


# Shares of one study.


def planned_ids(study: Path, share: Share | None = None, chunk_size: int = CHUNK) -> list[str]:
    machine = this_machine(jax.local_devices()[:1])
    return [chunk.id for chunk in prepare(Study.open(study).sweep, study, machine, chunk_size, share).todo.chunks]


@pytest.mark.parametrize("there", [[], [2], [0, 1, 3]])
def test_shares_are_the_same_whenever_they_are_cut(there: list[int], finished: Path, tmp_path: Path) -> None:
    """Whatever other tasks have computed in the meantime."""
    study = copied(finished, tmp_path)
    (study / "plan.json").unlink()
    every = shards(study)
    first = {path.name: path.read_bytes() for place, path in enumerate(every) if place in there}
    for path in every:
        if path.name not in first:
            path.unlink()
    shares = [planned_ids(study, Share(index, 3)) for index in range(3)]
    together = sorted(name for share in shares for name in share)
    assert len(set(together)) == len(together)
    assert together == [path.stem for path in every if path.name not in first]
    for index in (0, 2):
        for name in shares[index]:
            shutil.copy(finished / "shards" / f"{name}.nc", study / "shards")
    assert [planned_ids(study, Share(index, 3)) for index in range(3)] == [[], shares[1], []]


def test_another_cut_of_a_study_leaves_out_what_is_there(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    assert planned_ids(study) == planned_ids(study, chunk_size=3) == []
    shards(study)[0].unlink()
    (study / "plan.json").write_text("{}")
    assert len(planned_ids(study, chunk_size=3)) == 2
    assert len(planned_ids(study, chunk_size=1)) == 4


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"partition": 1}', '{"partition": {"of": 1, "without": []}}', "[" * 10**5, "\udcff"]
)
def test_a_plan_file_that_says_nothing_is_made_anew(content: str, finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    shards(study)[0].unlink()
    (study / "plan.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert len(planned_ids(study)) == 1
    assert json.loads((study / "plan.json").read_text())["partition"]["without"] == [
        path.stem for path in shards(study)
    ]


def test_shares_take_about_equally_long() -> None:
    axes = {"vocab_size": [16, 1024], "steps": [1, 30], "temperature": np.linspace(0.5, 2, 20).tolist()}
    plan = jc.plan(jc.Sweep.from_dict({"replicates": 40, "axes": axes}), chunk_size=50)
    longest = max(plan.seconds_of(chunk) for chunk in plan.chunks)
    shares = [plan.share(index, 5) for index in range(5)]
    taken = [sum(map(plan.seconds_of, share.chunks)) for share in shares]
    assert max(taken) - min(taken) <= longest
    assert sorted(chunk.id for share in shares for chunk in share.chunks) == sorted(chunk.id for chunk in plan.chunks)


def test_shares_add_up_where_some_machines_have_native_code_and_some_have_not() -> None:
    """Their programs, and so their chunks, differ; here also in size, and in what is computed exactly."""
    axes = {"vocab_size": [16, 300], "steps": [1, 40], "batch_size": [1, 4, 40, 3000, np.inf]}
    sweep = jc.Sweep.from_dict({"replicates": 300, "generations": 3000, "process": {}, "axes": axes})
    begun = np.zeros((sweep.grid.cells, sweep.replicates), bool)
    begun[3:6, :40] = True
    for done in (None, begun):
        natively = [share_of(jc.plan(sweep, done=done), Share(index, 3), done=done) for index in range(3)]
        with xla_alone():
            whole = jc.plan(sweep, done=done)
            by_xla = [share_of(whole, Share(index, 3), done=done) for index in range(3)]
        assert len(whole.buckets) > len(natively[0].buckets)
        for mine, theirs in zip(natively, by_xla, strict=True):
            np.testing.assert_array_equal(mine.covered, theirs.covered)
            assert theirs.trajectories == int(theirs.covered.sum()), "each once"
            assert {len(chunk) for chunk in theirs.chunks} != {len(chunk) for chunk in mine.chunks}
        assert sum(plan.covered.astype(int) for plan in natively).max() == 1
        assert sum(plan.trajectories for plan in natively) == sweep.trajectories - (0 if done is None else begun.sum())


def test_shares_computed_one_after_the_other_make_the_whole(tmp_path: Path) -> None:
    study, sweep = tmp_path / "study", sweep_of()
    devices = jax.local_devices()[:1]
    for index in (1, 0, 2):
        with jc.run(sweep, study, share=f"{index}/3", chunk_size=CHUNK, devices=devices, progress=False) as data:
            missing = int((data.status == 0).sum())
        assert (missing == 0) == (index == 2)
    assert_same_numbers(jc.run(sweep, devices=devices, progress=False), xr.load_dataset(study / "result.nc"))


@pytest.mark.parametrize(
    "text", ["", "1", "1/", "/3", "3/3", "-1/3", "1/0", "0/0", "a/b", "1/3/5", "1.0/3", "٣/٤", "0/999999999", "slurm"]
)
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(jc.InputError, match="share"):
        Share.parse(text)


def test_a_task_of_a_job_array_knows_its_share() -> None:
    def task(number: int, first: int, count: int, step: int, last: int | None = None) -> Share:
        told = {"ID": number, "MIN": first, "COUNT": count, "STEP": step, "MAX": last}
        known = {f"SLURM_ARRAY_TASK_{key}": str(value) for key, value in told.items() if value is not None}
        return Share.of_slurm(known)

    for unset in ({}, {"SLURM_ARRAY_TASK_ID": "3"}, {"SLURM_ARRAY_TASK_ID": "9" * 5000}):
        with pytest.raises(jc.InputError, match="give the share"):
            Share.of_slurm(unset)
    assert [task(number, 0, 4, 1) for number in range(4)] == [Share(number, 4) for number in range(4)]
    assert [task(number, 1, 3, 2) for number in (1, 3, 5)] == [Share(0, 3), Share(1, 3), Share(2, 3)]
    assert [task(number, 1, 3, 2, last=5) for number in (1, 3, 5)] == [Share(0, 3), Share(1, 3), Share(2, 3)]
    for number, first, count, step, last in ((2, 1, 3, 2, None), (9, 1, 3, 2, None), (5, 5, 2, 1, 101)):
        with pytest.raises(jc.InputError, match="its numbers have gaps"):
            task(number, first, count, step, last)


def test_a_share_without_chunks_is_no_success(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(jc.InputError, match="8/9 is empty, since the study has 4 chunks; use fewer shares"):
        jc.run(sweep_of(), tmp_path / "new", share="8/9", chunk_size=CHUNK, progress=False)
    assert not (tmp_path / "new").exists()
    assert jc.run(sweep_of(), copied(finished, tmp_path), share="8/9", progress=False).status.all(), (
        "nothing is missing"
    )


def test_looking_at_a_lock_follows_no_link_and_waits_for_no_pipe(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("")
    (tmp_path / ".a.lock").symlink_to(target)
    os.mkfifo(tmp_path / ".b.lock")
    with target.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert is_locked(target)
        assert not is_locked(tmp_path / ".a.lock"), "it would have to be opened to know"
    assert not is_locked(tmp_path / ".b.lock")
