"""Runs that are killed at random points lose nothing, and what they finished is not computed again."""

from pathlib import Path

from tests.store.killing import Tally, kill_again_and_again


def test_nothing_is_lost_wrong_or_computed_twice_when_runs_are_killed(tmp_path: Path) -> None:
    tally = kill_again_and_again(points=10, seed=1, folder=tmp_path)
    assert tally.is_clean, tally
    assert tally.killed == 10
    assert tally.without_progress < 10, "some of them must have stored something"


def test_the_count_is_not_clean_by_itself() -> None:
    assert Tally().is_clean
    assert not Tally(lost=1).is_clean
    assert not Tally(recomputed=1).is_clean
    assert not Tally(wrong=1).is_clean
    assert not Tally(messages=["jaxcollapse: …"]).is_clean
