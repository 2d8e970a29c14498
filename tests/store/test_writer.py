"""Chunks are stored in another thread: the run goes on, but not too far, and learns of what went wrong."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import jaxcollapse as jc
from jaxcollapse.execute import Result
from jaxcollapse.store.writer import Writer
from tests.support.studies import shards, sweep_of
from tests.support.synthetic import made_up


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return list(made_up(jc.plan(sweep_of(), chunk_size=4)))


def test_everything_is_stored_in_order_by_one_other_thread(results: list[Result]) -> None:
    stored: list[Result] = []
    threads: set[int] = set()

    def store(result: Result) -> None:
        stored.append(result)
        threads.add(threading.get_ident())

    with Writer(store) as writer:
        for result in results:
            writer.add(result)
    assert [result.chunk.id for result in stored] == [result.chunk.id for result in results]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_the_run_goes_on_while_two_chunks_wait_and_no_more(results: list[Result]) -> None:
    gate, added = threading.Semaphore(0), threading.Semaphore(0)

    def add_all(writer: Writer) -> None:
        for result in results:
            writer.add(result)
            added.release()

    with Writer(lambda result: gate.acquire()) as writer:
        run = threading.Thread(target=add_all, args=(writer,))
        run.start()
        for _ in range(2):
            assert added.acquire(timeout=60)
        assert not added.acquire(timeout=0.2)
        gate.release()
        assert added.acquire(timeout=60)
        assert not added.acquire(timeout=0.2)
        gate.release(len(results))
        run.join()


def test_a_failure_is_raised_by_the_next_call_and_nothing_is_stored_after_it(results: list[Result]) -> None:
    tried: list[Result] = []
    failed = threading.Event()

    def store(result: Result) -> None:
        tried.append(result)
        failed.set()
        raise OSError(28, "No space left on device", "shard")

    def run(last: str) -> None:
        failed.clear()
        with Writer(store) as writer:
            writer.add(results[0])
            assert failed.wait(timeout=60)
            while last == "check":
                writer.check()
            while last == "add":
                writer.add(results[1])

    for last in ("check", "add", "end"):
        with pytest.raises(OSError, match="No space left"):
            run(last)
    assert [result.chunk.id for result in tried] == [results[0].chunk.id] * 3


def test_an_interrupted_run_stores_what_was_computed(results: list[Result]) -> None:
    stored: list[Result] = []
    gate = threading.Event()

    def store(result: Result) -> None:
        gate.wait(timeout=60)
        stored.append(result)

    def run() -> None:
        with Writer(store) as writer:
            for result in results[:2]:
                writer.add(result)
            threading.Timer(0.1, gate.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(stored) == 2


FULL = """
import resource, sys, time
import jaxcollapse as jc
from jaxcollapse import running
from tests.support.studies import sweep_of
from tests.support.synthetic import made_up

def endless(todo, advance, chunks, stop):
    "A first chunk, and another one whose trajectories never come to an end."
    yield next(made_up(todo))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        advance(0)
        time.sleep(0.01)
    sys.exit("nobody ended it")

running.execute = endless
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    jc.run(sweep_of(), sys.argv[1], chunk_size=4, progress=False)
except OSError as error:
    print(error)
"""


def test_a_run_whose_shard_cannot_be_written_ends_within_the_next_chunk(tmp_path: Path) -> None:
    """It does not wait until that is complete, which may take long."""
    command = [sys.executable, "-c", FULL, str(tmp_path / "study")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "cannot be written" in ended.stdout
    assert shards(tmp_path / "study") == list((tmp_path / "study" / "shards").iterdir()) == []
