"""Watching a study while others compute it, here or on other machines; nothing is written to it."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxcollapse.execute.progress import Rate
from jaxcollapse.planning.display import as_rate
from jaxcollapse.store.claims import claimed
from jaxcollapse.store.study import Study

_LOOKS_EVERY = (1.0, 60.0)  # seconds from one look to the next, at least and at most
_SHARE = 20  # of the time at most one part in so many is spent looking
_LINES_EVERY = 10.0  # seconds between plain lines


def watch_study(folder: Path) -> None:
    """Shows how far a study has come, on the standard error stream, until nothing is missing.

    Raises:
        InputError: the folder is not a study.
        KeyboardInterrupt: the user has seen enough.
    """
    console, seen = Console(file=sys.stderr), _Seen(Study.open(folder))
    with _Bar(console) if console.is_interactive else _Lines(console) as shown:
        seen.look()  # reads every shard; later looks read what is new
        shown.show(seen)
        took = 0.0
        while seen.done < seen.total:
            time.sleep(_pause(took))
            began = time.monotonic()
            seen.look()
            took = time.monotonic() - began
            shown.show(seen)


def _pause(took: float) -> float:
    """Seconds to the next look, when one took so long: of thousands of shards, or on a slow disk."""
    least, most = _LOOKS_EVERY
    return min(max(least, _SHARE * took), most)


@dataclass
class _Seen:
    """What has been seen of a study. A shard that was good is not read again; what is bad may be repaired."""

    study: Study
    text: str = ""
    good: set[Path] = field(default_factory=set)
    bad: dict[Path, str] = field(default_factory=dict)
    status: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int8))
    wanted: np.ndarray | None = None
    computing: int = 0

    def look(self) -> None:
        """Reads the shards that are new. If the sweep has grown, or shards are gone, it begins again."""
        text = (self.study.folder / "sweep.toml").read_text(encoding="utf-8")
        there = set(self.study.shard_folder.glob("*.nc"))
        if text != self.text or self.good - there:
            self.study, self.text, self.good = Study.open(self.study.folder), text, set()
            self.status = np.zeros((self.study.sweep.grid.cells, self.study.sweep.replicates), np.int8)
        shards = self.study.shards(there - self.good)
        self.good |= there - set(shards.bad)
        self.bad = shards.bad
        self.status = np.maximum(self.status, shards.status)
        if self.study.sweep.stopping:
            self.wanted = self.study.asked().wants(self.study.sweep.replicates)
        self.computing = claimed(self.study.shard_folder)

    @property
    def done(self) -> int:
        """Trajectories that have been computed."""
        return int(np.count_nonzero(self.status if self.wanted is None else self.status * self.wanted))

    @property
    def total(self) -> int:
        """Trajectories that there are to be, as far as is known by now."""
        return self.status.size if self.wanted is None else int(self.wanted.sum())

    @property
    def rest(self) -> str:
        """The end of the line of progress: chunks that are being computed, and bad shards if there are any."""
        bad = f", {len(self.bad)} bad shards" if self.bad else ""
        return f"{self.computing} chunks being computed{bad}"


class _Bar:
    """Reports the progress of a study as a bar on a terminal."""

    def __init__(self, console: Console):
        self._progress = Progress(
            TextColumn("trajectories"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate("waiting"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=console,
            speed_estimate_period=600,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show(self, seen: _Seen) -> None:
        self._progress.update(self._task, completed=seen.done, total=seen.total, description=seen.rest)


class _Lines:
    """Reports the progress of a study as lines: first, last, and every ten seconds between if there is news."""

    def __init__(self, console: Console):
        self._console = console
        self._first: tuple[float, int] | None = None
        self._last, self._next = "", 0.0

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def show(self, seen: _Seen) -> None:
        now = time.monotonic()
        self._first = self._first or (now, seen.done)
        told = f"{seen.done:,}/{seen.total:,} trajectories, {seen.rest}"
        if told == self._last or (now < self._next and seen.done < seen.total):
            return
        self._last, self._next = told, now + _LINES_EVERY
        rate = (seen.done - self._first[1]) / max(now - self._first[0], 1e-9)
        self._console.print(f"{told}, {as_rate(rate)}" if rate else told, highlight=False, soft_wrap=True)
