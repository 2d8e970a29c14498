"""Ctrl-C once stores what is computed, and twice ends a run at once, cleanly enough for the next one to go on."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import jaxcollapse as jc
from jaxcollapse.planning import this_machine
from jaxcollapse.running import prepare
from jaxcollapse.stopping import stoppable
from tests import interruptible

ENDLESS: dict[str, Any] = {  # one device call, which takes many minutes
    "replicates": 1,
    "generations": 2_000_000_000,
    "record": {"points": 2},
    "observables": ["entropy"],
    "process": {"vocab_size": 16, "batch_size": 16},
}


def test_a_run_that_is_interrupted_twice_ends_at_once(tmp_path: Path) -> None:
    sweep, study = jc.Sweep.from_dict(ENDLESS), tmp_path / "study"
    (tmp_path / "endless.toml").write_text(sweep.to_toml())
    command = [sys.executable, "-c", interruptible.PROGRAM, "run", str(tmp_path / "endless.toml"), "--out", str(study)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while process.poll() is None and not list(study.glob("shards/.*.lock")):
            time.sleep(0.01)
        time.sleep(5)  # by then it computes
        process.send_signal(signal.SIGINT)
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        try:
            told = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert first == "jaxcollapse: storing what is computed; interrupt again to stop at once\n"
    assert told == "jaxcollapse: stopped at once; finished shards are kept, the same command goes on\n"
    assert process.returncode == 1
    assert list(study.glob("shards/.*.lock")), "what it had claimed"
    assert len(prepare(sweep, study, this_machine()).todo.chunks) == 1
    assert not [path for path in study.rglob(".*") if path.is_file()], "swept up by the next run"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_heeded_while_it_runs_only(number: signal.Signals) -> None:
    outside = signal.signal(number, signal.SIG_DFL)  # it may be ignored here, as in the background of a shell
    try:
        with stoppable(1):
            assert signal.getsignal(number) != signal.SIG_DFL
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, outside)


def test_a_signal_that_is_to_be_ignored_stays_so() -> None:
    """As a shell wants it of what runs in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable(1):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
