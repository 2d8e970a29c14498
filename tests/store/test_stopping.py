"""Runs that are stopped by any signal at random moments store all that they have computed, and say so."""

import signal
from pathlib import Path

from tests.store.stopping import Tally, stop_again_and_again


def test_what_is_computed_is_stored_when_runs_are_stopped(tmp_path: Path) -> None:
    tally = stop_again_and_again(points=8, seed=1, folder=tmp_path)
    assert tally.is_clean, tally
    assert tally.signals.total() == 8
    assert set(tally.signals) - {signal.SIGKILL.name}, "most of them are not killed"


def test_the_count_is_not_clean_by_itself() -> None:
    assert Tally().is_clean
    for name in ("wrong", "lost", "untrue", "recomputed", "leftovers"):
        assert not Tally(**{name: 1}).is_clean
    assert not Tally(messages=["Traceback"]).is_clean
    assert Tally(killed=[64]).is_clean
