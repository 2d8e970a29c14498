"""Showing progress: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from abc import ABC, abstractmethod
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_LINES_EVERY = 10.0  # seconds between plain lines


class Reporter(ABC):
    """Shows the progress of a run. It is a context, and what it shows ends with the run."""

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def advance(self, trajectories: int) -> None:
        """So many more trajectories have been finished; may be called from several threads."""


class Silent(Reporter):
    """A reporter that shows nothing."""

    def advance(self, trajectories: int) -> None:
        """Ignores the number of finished trajectories."""


class Bar(Reporter):
    """A progress bar on a terminal."""

    def __init__(self, total: int, console: Console):
        self._progress = Progress(
            TextColumn("trajectories"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate("compiling"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> "Reporter":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, trajectories: int) -> None:
        """Moves the bar on by so many trajectories."""
        self._progress.advance(self._task, trajectories)


class Lines(Reporter):
    """A line every ten seconds, and one at the end."""

    def __init__(self, total: int, console: Console):
        self._total, self._console = total, console
        self._done, self._start = 0, time.monotonic()
        self._next = self._start + _LINES_EVERY

    def advance(self, trajectories: int) -> None:
        """Prints a line if it is time."""
        self._done += trajectories
        now = time.monotonic()
        if now < self._next and self._done < self._total:
            return
        self._next = now + _LINES_EVERY
        rate = self._done / max(now - self._start, 1e-9)
        left = (self._total - self._done) / rate
        self._console.print(
            f"{self._done}/{self._total} trajectories, {rate:.3g}/s, {left:.0f} s left", highlight=False, soft_wrap=True
        )


class Rate(ProgressColumn):
    """Trajectories per second; a word until the first has been computed."""

    def __init__(self, until_then: str):
        super().__init__()
        self._until_then = until_then

    def render(self, task: Task) -> Text:
        """The trajectories per second as text."""
        return Text(f"{task.speed:.3g}/s" if task.speed else self._until_then)


def reporter(total: int, *, show: bool = True) -> Reporter:
    """The reporter for the standard error stream: a bar on a terminal, lines elsewhere, or nothing."""
    if not show or not total:
        return Silent()
    console = Console(file=sys.stderr)
    return Bar(total, console) if console.is_terminal else Lines(total, console)
