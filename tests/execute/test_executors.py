"""Chunks computed by pools of processes or threads, or by Dask: numbers of a local run, whatever befalls workers."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import pytest
import xarray as xr
from distributed import Client, LocalCluster

import jaxcollapse as jc
from jaxcollapse.execute.executor import compute_chunk
from jaxcollapse.planning import plan
from tests.support.studies import CHUNK, assert_same_numbers, shards, stamps, sweep_of


def _spawning() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@contextmanager
def _dask() -> Iterator[Client]:
    """A scheduler and two worker processes that listen to this machine alone."""
    with (
        LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def dask_client() -> Iterator[Client]:
    with _dask() as client:
        yield client


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with _spawning() as pool:
        yield pool


@pytest.fixture(scope="module", params=["processes", "threads", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "dask":
        yield request.getfixturevalue("dask_client").get_executor()
    elif request.param == "processes":
        yield request.getfixturevalue("processes")
    else:
        with ThreadPoolExecutor(2) as pool:
            yield pool


@pytest.fixture(scope="module")
def numbers() -> xr.Dataset:
    """What one process computes."""
    return jc.run(sweep_of(), devices=jax.local_devices()[:1], progress=False)


def test_an_executor_computes_what_this_process_does(executor: Executor, numbers: xr.Dataset) -> None:
    assert_same_numbers(numbers, jc.run(sweep_of(), chunk_size=CHUNK, executor=executor, progress=False))


def test_a_study_can_be_computed_by_an_executor_in_part(
    executor: Executor, numbers: xr.Dataset, tmp_path: Path
) -> None:
    """Shares, what is missing, and nothing at all."""
    study = tmp_path / "study"
    asked: dict[str, Any] = {"chunk_size": CHUNK, "executor": executor, "progress": False}
    jc.run(sweep_of(), study, share="0/2", **asked).close()
    kept = stamps(shards(study))
    assert len(kept) == 2
    for _ in range(2):
        with jc.run(sweep_of(), study, **asked) as data:
            assert_same_numbers(numbers, data.load())
    assert kept.items() <= stamps(shards(study)).items()
    assert sorted((study / "shards").iterdir()) == shards(study)


class _Interrupted(Executor):
    """Another executor, to which something happens before a certain task."""

    def __init__(self, executor: Executor, before: int, happens: Callable[[], None]):
        self._executor, self._left, self._happens = executor, before, happens
        self._max_workers = 2

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        if self._left == 0:
            self._happens()
        self._left -= 1
        return self._executor.submit(task, *arguments, **named)


def test_a_killed_worker_breaks_a_pool_and_the_next_run_goes_on(numbers: xr.Dataset, tmp_path: Path) -> None:
    study = tmp_path / "study"
    with _spawning() as pool:

        def kill() -> None:
            os.kill(next(iter(pool._processes)), signal.SIGKILL)

        with pytest.raises(BrokenExecutor, match="terminated abruptly"):
            jc.run(sweep_of(), study, chunk_size=1, executor=_Interrupted(pool, 12, kill), progress=False)
    kept = stamps(shards(study))
    assert 4 <= len(kept) < 16
    assert len(list((study / "shards").iterdir())) == len(kept)
    with jc.run(sweep_of(), study, chunk_size=1, progress=False) as data:
        assert_same_numbers(numbers, data.load())
    assert kept.items() <= stamps(shards(study)).items()


def test_dask_replaces_a_killed_worker(dask_client: Client, numbers: xr.Dataset, tmp_path: Path) -> None:
    def kill() -> None:
        os.kill(next(iter(dask_client.run(os.getpid).values())), signal.SIGKILL)

    executor = _Interrupted(dask_client.get_executor(), 12, kill)
    with jc.run(sweep_of(), tmp_path / "study", chunk_size=1, executor=executor, progress=False) as data:
        assert_same_numbers(numbers, data.load())


def test_what_others_computed_is_stored_when_a_worker_fails(numbers: xr.Dataset, tmp_path: Path) -> None:
    class _Failing(Executor):
        """Computes at once, but one of four chunks not."""

        seen = 0

        def submit(self, task: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
            future: Future[Any] = Future()
            if arguments:
                self.seen += 1
            if self.seen == 2:
                future.set_exception(RuntimeError("the node is gone"))
            else:
                future.set_result(task(*arguments, **named))
            return future

    study = tmp_path / "study"
    with pytest.raises(RuntimeError, match="the node is gone"):
        jc.run(sweep_of(), study, chunk_size=CHUNK, executor=_Failing(), progress=False)
    assert len(shards(study)) == 3
    assert sorted((study / "shards").iterdir()) == shards(study)
    with jc.run(sweep_of(), study, chunk_size=CHUNK, progress=False) as data:
        assert_same_numbers(numbers, data.load())


def test_forked_processes_are_refused() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool,
        pytest.raises(jc.InputError, match=r"executor: a pool of forked processes can hang.*get_context\('spawn'\)"),
    ):
        jc.run(sweep_of(), executor=pool, progress=False)


def test_workers_prefer_the_kernel_of_the_run() -> None:
    handed = []

    class Noting(ThreadPoolExecutor):
        def submit(self, task: Any, /, *given: Any, **named: Any) -> Any:
            handed.append(given)
            return super().submit(task, *given, **named)

    with Noting(1) as pool:
        jc.run(sweep_of(), executor=pool, kernel="fastest", progress=False)
    chunks = [given for given in handed if given]
    assert chunks
    assert all(given[-1] == "fastest" for given in chunks)


def test_devices_are_not_chosen_for_workers() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(jc.InputError, match="devices: the workers of an executor have"):
        jc.run(sweep_of(), executor=pool, devices=jax.local_devices(), progress=False)


def test_a_worker_that_would_compute_otherwise_refuses() -> None:
    made = plan(sweep_of())
    told = (made.sweep.to_toml(), ".")
    program = made.buckets[0].program
    with pytest.raises(jc.InputError, match="a worker runs on cpu, another on gpu"):
        compute_chunk(*told, "gpu", repr(program), made.chunks[0])
    other = replace(program, measures_natively=not program.measures_natively)
    with pytest.raises(jc.InputError, match="install the same version of jaxcollapse there"):
        compute_chunk(*told, "cpu", repr(other), made.chunks[0])
