"""A signal stops a run, which stores what it has computed; a second interrupt ends it at once."""

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import jaxcollapse as jc
from jaxcollapse.planning import this_machine
from jaxcollapse.running import prepare
from jaxcollapse.system.signals import SIGNALS, Stop, Stopped, ending, heeded
from tests.support import interruptible

ENDLESS: dict[str, Any] = {  # one device call, which takes many minutes
    "replicates": 1,
    "generations": 2_000_000_000,
    "record": {"points": 2},
    "observables": ["entropy"],
    "process": {"vocab_size": 16, "batch_size": 16},
}


@pytest.fixture(autouse=True)
def _as_a_program_starts() -> Iterator[None]:
    """Signals have their default effects; some may be ignored here, as in the background of a shell."""
    outside = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in outside.items():
        signal.signal(number, handler)


def test_a_run_that_is_interrupted_twice_ends_at_once(tmp_path: Path) -> None:
    sweep, study = jc.Sweep.from_dict(ENDLESS), tmp_path / "study"
    sweep_file = tmp_path / "endless.toml"
    sweep_file.write_text(sweep.to_toml())
    command = [sys.executable, "-c", interruptible.COMPUTING, "run", str(sweep_file), "--quiet", "--out", str(study)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "computing\n"
        process.send_signal(signal.SIGINT)
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        try:
            told = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert first.startswith("jaxcollapse: storing what is computed")
    assert first.endswith("; interrupt again to stop at once\n")
    assert told == "jaxcollapse: interrupted; 0 of 1 trajectories are stored; run the same command again to continue\n"
    assert process.returncode == 1
    assert list(study.glob("shards/.*.lock"))
    assert len(prepare(sweep, study, this_machine()).todo.chunks) == 1
    assert not [path for path in study.rglob(".*") if path.is_file()], "swept up by the next run"


def test_a_signal_while_the_command_is_imported_ends_it_in_one_line() -> None:
    """At an import that takes long: of the parts that read the command line."""
    interrupted = (
        "import os, signal, sys\n"
        "def hook(event, told):\n"
        "    if event == 'import' and told[0] == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(hook)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", interrupted + interruptible.PROGRAM, "run", "sweep.toml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == "jaxcollapse: starting\njaxcollapse: interrupted\n"
    assert ended.returncode == 1


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("context", [heeded, lambda: ending(1)], ids=["heeded", "ending"])
def test_signals_are_heeded_while_it_runs_only(context: Callable[[], Any], number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with context():
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("context", [heeded, lambda: ending(1)], ids=["heeded", "ending"])
def test_a_signal_that_is_to_be_ignored_stays_so(context: Callable[[], Any]) -> None:
    """As a shell wants it of what runs in the background, and `nohup`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with context():
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_is_noted_where_an_exception_would_be_lost() -> None:
    """Python drops what is raised inside a callback of the garbage collector."""
    noted: list[bool] = []

    def interrupt(stop: Stop, phase: str, info: dict[str, int]) -> None:
        if not noted:
            signal.raise_signal(signal.SIGINT)
            noted.append(stop.is_asked)

    def run() -> None:
        with heeded() as stop:
            gc.callbacks.append(partial(interrupt, stop))
            gc.collect()
            gc.callbacks.pop()
            stop.keep(3, 4)

    with pytest.raises(Stopped, match="interrupted; 3 of 4 trajectories are stored"):
        run()
    assert noted == [True]


def test_a_wait_ends_when_a_signal_comes() -> None:
    def run() -> None:
        with heeded() as stop:
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
            while not stop.is_asked:
                stop.wait()

    with pytest.raises(KeyboardInterrupt):
        run()


def test_what_a_handler_of_the_program_raises_waits_until_the_run_has_stopped() -> None:
    """As that of submitit, which has a job queued again and exits."""
    events = []

    def leave(number: int, frame: FrameType | None) -> None:
        events.append("handled")
        sys.exit(3)

    def run() -> None:
        with heeded() as stop:
            signal.raise_signal(signal.SIGUSR2)
            events.append("stored")
            stop.check()

    signal.signal(signal.SIGUSR2, leave)
    with pytest.raises(SystemExit):
        run()
    assert events == ["handled", "stored"]


def test_a_handler_of_the_program_that_goes_on_stops_nothing() -> None:
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    with heeded() as stop:
        signal.raise_signal(signal.SIGUSR1)
        assert not stop.is_asked


def test_a_second_interrupt_is_raised_at_once() -> None:
    """In a program of one's own, as without a run."""

    def run() -> None:
        with heeded():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("nothing was raised")

    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        run()


def test_other_threads_change_no_handler() -> None:
    seen = []

    def look() -> None:
        with heeded():
            seen.append([signal.getsignal(number) for number in SIGNALS])

    before = [signal.getsignal(number) for number in SIGNALS]
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]


TERMINATED = """
import signal, sys
from jaxcollapse.system.signals import heeded
with heeded() as stop:
    signal.raise_signal(signal.SIGTERM)
    print("stored", flush=True)
    stop.check()
"""


def test_a_program_that_is_terminated_ends_by_the_signal_once_its_run_has_stored() -> None:
    ended = subprocess.run([sys.executable, "-c", TERMINATED], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGTERM
    assert ended.stdout == "stored\n"
