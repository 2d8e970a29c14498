"""Showing progress: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from jaxcollapse.planning.display import as_rate, as_seconds

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
        """So many more trajectories have been finished; with 0, some begin. May be called from several threads."""


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
    """A line at the start, one every ten seconds, and one at the end. The rate leaves out the time to compile."""

    def __init__(self, total: int, console: Console, clock: Callable[[], float] = time.monotonic):
        self._total, self._console, self._clock = total, console, clock
        self._done, self._start, self._is_computing = 0, clock(), False
        self._next = self._start + _LINES_EVERY

    def __enter__(self) -> "Reporter":
        self._print("compiling")
        return self

    def advance(self, trajectories: int) -> None:
        """Prints a line if it is time."""
        now = self._clock()
        if not self._is_computing:
            self._start, self._is_computing = (self._start if trajectories else now), True
        self._done += trajectories
        if not trajectories or (now < self._next and self._done < self._total):
            return
        self._next = now + _LINES_EVERY
        rate = self._done / max(now - self._start, 1e-9)
        self._print(f"{as_rate(rate)}, {as_seconds((self._total - self._done) / rate)} left")

    def _print(self, told: str) -> None:
        self._console.print(f"{self._done:,}/{self._total:,} trajectories, {told}", highlight=False, soft_wrap=True)


class Rate(ProgressColumn):
    """Trajectories per second; a word until the first has been computed."""

    def __init__(self, until_then: str):
        super().__init__()
        self._until_then = until_then

    def render(self, task: Task) -> Text:
        """The trajectories per second as text."""
        return Text(as_rate(task.speed) if task.speed else self._until_then)


def reporter(total: int, *, show: bool = True) -> Reporter:
    """The reporter for the standard error stream: a bar on a terminal, lines elsewhere, or nothing."""
    if not show or not total:
        return Silent()
    console = Console(file=sys.stderr)
    return Bar(total, console) if console.is_interactive else Lines(total, console)
