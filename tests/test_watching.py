"""`jaxcollapse status --watch`: it follows a study that others compute, cheaply, and writes nothing."""

import io
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from jaxcollapse.cli import watch
from jaxcollapse.store import study as study_module
from jaxcollapse.store.claims import claimed
from jaxcollapse.store.lock import Lock
from jaxcollapse.store.study import Study
from tests.support import interruptible
from tests.support.studies import copied, run, shards


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "study"
    run(folder)
    return folder


@pytest.fixture
def incomplete(finished: Path, tmp_path: Path) -> Path:
    """A study without two of its four shards."""
    study = copied(finished, tmp_path)
    for path in shards(study)[:2]:
        path.unlink()
    return study


def _watching(study: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-u", "-c", interruptible.PROGRAM, "status", str(study), "--watch"]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_study_is_watched_until_nothing_is_missing(incomplete: Path, finished: Path) -> None:
    process = _watching(incomplete)
    assert process.stderr is not None
    assert process.stderr.readline() == "8/16 trajectories, 0 chunks being computed\n"
    (incomplete / "result.nc").unlink()
    for path in shards(finished):
        shutil.copy(path, incomplete / "shards" / path.name)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told.splitlines()[-1].startswith("16/16 trajectories, 0 chunks being computed, ")
    assert printed.startswith("Small: 16 of 16 trajectories\n")
    assert "result    not assembled yet" in printed


def test_who_has_seen_enough_is_told_that_nothing_stops(incomplete: Path) -> None:
    before = sorted(incomplete.rglob("*"))
    process = _watching(incomplete)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    printed, told = process.communicate(timeout=60)
    assert (process.returncode, printed) == (1, "")
    assert told == "jaxcollapse: stopped watching; the computation goes on\n"
    assert sorted(incomplete.rglob("*")) == before


def test_claims_are_counted_and_not_taken(tmp_path: Path) -> None:
    """Neither from those who hold them, nor from those who ask for them meanwhile; what was left behind is none."""
    held, left = Lock(tmp_path / ".a.lock"), tmp_path / ".b.lock"
    left.touch()
    assert held.acquire(wait=False)
    assert claimed(tmp_path) == 1
    assert held.is_held
    held.release()
    assert claimed(tmp_path) == 0
    assert left.exists()


def test_a_shard_is_read_once_and_a_bad_one_until_it_is_mended(
    incomplete: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = shards(finished)[:2]
    bad = incomplete / "shards" / first.name
    bad.write_bytes(first.read_bytes()[:100])
    seen = watch._Seen(Study.open(incomplete))
    seen.look()
    assert (seen.done, seen.total, list(seen.bad)) == (8, 16, [bad])
    assert seen.rest == "0 chunks being computed, 1 bad shards"

    read: list[str] = []
    header = study_module.read_header
    monkeypatch.setattr(study_module, "read_header", lambda path, *told: read.append(path.name) or header(path, *told))
    shutil.copy(second, incomplete / "shards" / second.name)
    seen.look()
    assert (seen.done, sorted(read)) == (12, sorted([first.name, second.name]))
    shutil.copy(first, bad)
    seen.look()
    assert (seen.done, seen.bad) == (16, {})


def test_a_study_that_grows_or_loses_shards_is_seen_to(incomplete: Path) -> None:
    seen = watch._Seen(Study.open(incomplete))
    seen.look()
    shards(incomplete)[0].unlink()
    seen.look()
    assert (seen.done, seen.total) == (4, 16)
    run(incomplete, replicates=5)
    seen.look()
    assert (seen.done, seen.total) == (20, 20)


@pytest.mark.parametrize(("took", "pause"), [(0.001, 1.0), (0.5, 10.0), (30.0, 60.0)])
def test_slow_looks_are_rare(took: float, pause: float) -> None:
    assert watch._pause(took) == pause


def test_a_terminal_shows_a_bar(incomplete: Path) -> None:
    shown = io.StringIO()
    seen = watch._Seen(Study.open(incomplete))
    seen.look()
    with watch._Bar(Console(file=shown, force_terminal=True, width=100)) as bar:
        bar.show(seen)
    assert "8/16 waiting" in shown.getvalue()
    assert "0 chunks being computed" in shown.getvalue()
