"""Hostile input ends with a message: no traceback, no hang, no code run, no other file touched."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.generate import cases
from tests.hostile.keep import SHARDS, STRANGE
from tests.hostile.shards import honest, shard_names, study_case
from tests.hostile.sweeps import sweep_case
from tests.hostile.trial import SECRET, Case, Outcome, Worker, try_all
from tests.hostile.worker import PATIENCE, Watch

SWEEPS = sorted(Path(__file__).parent.glob("corpus/sweeps/*.toml"))
QUICK = 2.0  # seconds that a refusal takes at most, on a busy machine


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_hostile_sweeps_are_refused_at_once(path: Path, worker: Worker, tmp_path: Path) -> None:
    outcome = worker.try_out(sweep_case("corpus", path.read_bytes()), tmp_path / "case")
    assert not outcome.wrong
    assert not outcome.accepted, outcome.said
    assert outcome.seconds < QUICK


@pytest.mark.parametrize("command", ["status", "finalize"])
@pytest.mark.parametrize("path", sorted(SHARDS.glob("*.nc")), ids=lambda path: path.stem)
def test_hostile_shards_do_not_count(path: Path, command: str, worker: Worker, tmp_path: Path) -> None:
    """If for other reasons than these: `python -m tests.hostile.keep`."""
    case = study_case("corpus", command, {shard_names()[0]: path.read_bytes()})
    outcome = worker.try_out(case, tmp_path / "case")
    assert not outcome.wrong
    assert outcome.accepted
    assert outcome.seconds < QUICK
    if command == "status":
        assert "8 of 16 trajectories" in outcome.said
        assert "is ignored: " in outcome.said
        assert (STRANGE[path.stem][1] if path.stem in STRANGE else "cannot be read") in outcome.said


def test_random_hostile_input_does_no_harm(tmp_path: Path) -> None:
    """A short version of `python -m tests.hostile`."""
    outcomes = list(try_all(cases(100, 1), tmp_path))
    assert len(outcomes) == 100
    assert {outcome.case.kind for outcome in outcomes if outcome.wrong} == set(), _told(outcomes)


def _told(outcomes: list[Outcome]) -> str:
    return "\n".join(f"{outcome.case.kind}: {outcome.wrong}" for outcome in outcomes if outcome.wrong)


def test_the_honest_study_counts(worker: Worker, tmp_path: Path) -> None:
    """So that the others are refused for what is wrong with them."""
    outcome = worker.try_out(study_case("honest", "status", {}), tmp_path / "case")
    assert not outcome.wrong
    assert "16 of 16 trajectories" in outcome.said
    assert "is ignored" not in outcome.said


WATCHED = {
    "a file that is written": ("open", ("{outside}/new", "w", os.O_WRONLY | os.O_CREAT), "writes"),
    "a secret that is read": ("open", ("{outside}/secret.csv", "r", os.O_RDONLY), "reads"),
    "a file that is moved": ("os.rename", ("{root}/a", "{outside}/a", -1, -1), "os.rename"),
    "a file that is removed": ("os.remove", ("{outside}/a", -1), "os.remove"),
    "a program that is started": ("os.system", (b"true",), "os.system"),
    "a pickle": ("pickle.find_class", ("os", "system"), "pickle.find_class"),
    "a connection": ("socket.connect", (None, ("127.0.0.1", 1)), "socket.connect"),
    "text that is executed": ("exec", (compile("1", "<string>", "eval"),), "executes"),
}


@pytest.mark.parametrize("name", WATCHED)
def test_the_watch_sees(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    event, arguments, told = WATCHED[name]
    watch = Watch()
    watch.root = tmp_path / "case"
    places = {"root": watch.root, "outside": tmp_path / "outside"}
    watch(event, tuple(part.format(**places) if isinstance(part, str) else part for part in arguments))
    assert len(watch.seen) == 1
    assert watch.seen[0].startswith(told)


def test_the_trial_notices_a_hang_and_a_secret(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b'title = "%s"\n[process]\nvocab_size = 16\n' % SECRET.encode()
    assert worker.try_out(sweep_case("secret", text), tmp_path / "a" / "case").wrong == ["tells a secret"]
    monkeypatch.setattr("tests.hostile.trial.SECONDS", 0.0)
    (hang,) = worker.try_out(Case("hang", ("status", "study"), honest()), tmp_path / "b" / "case").wrong
    assert hang.startswith("hangs")


def test_a_shard_that_hdf5_never_reads_to_its_end_does_not_hang_the_command(worker: Worker, tmp_path: Path) -> None:
    """One of five thousand with a few bytes changed did that: `python -m tests.hostile --kind bits --inputs 5000`."""
    endless = Path(__file__).parent / "corpus" / "endless" / "shard.nc"
    case = study_case("corpus", "status", {shard_names()[1]: endless.read_bytes()})
    outcome = worker.try_out(case, tmp_path / "case")
    assert not outcome.wrong
    assert "HDF5 hangs while reading it" in outcome.said
    assert outcome.seconds == PATIENCE
