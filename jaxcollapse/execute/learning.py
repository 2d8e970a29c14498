"""Pre-training before a run: the networks that it starts from are learned, or found, one after the other."""

import logging
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console

from jaxcollapse.parameterisations.pretraining import held_out_loss
from jaxcollapse.planning import Plan
from jaxcollapse.planning.display import as_seconds
from jaxcollapse.planning.library import Entry
from jaxcollapse.system.signals import Stop

_LINES_EVERY = 5.0  # seconds between lines
_log = logging.getLogger(__name__)


def learn(plan: Plan, stop: Stop, *, show: bool = True) -> None:
    """Has the networks of all trajectories of a plan learn their texts, unless they are known.

    Args:
        plan: what is to be computed.
        stop: is asked whether to stop, between some steps and the next ones.
        show: whether progress is shown on the standard error stream.
    """
    for entry in networks(plan):
        lines = _Learning(str(entry.pretraining), stop, Console(file=sys.stderr) if show else None)
        parameters = entry.learned(lines.advance)
        if lines.has_learned:
            assert entry.pretraining is not None
            assert entry.given.text is not None
            told = entry.pretraining
            loss = held_out_loss(told.network, parameters, entry.given.text, told.places)
            lines.print(f"a token of the held-out text costs {loss:.3f} nat")


def networks(plan: Plan) -> Iterator[Entry]:
    """The networks of a plan's trajectories, each once."""
    library = plan.cells.library
    used = sorted({index for chunk in plan.chunks for index in set(library.index[chunk.cells].tolist())})
    return (library.entries[index] for index in used if library.entries[index].pretraining is not None)


class _Learning:
    """A line now and then."""

    def __init__(self, what: str, stop: Stop, console: Console | None, clock: Callable[[], float] = time.monotonic):
        self._what, self._stop, self._console, self._clock = what, stop, console, clock
        self._start = self._next = clock()
        self.has_learned = False

    def advance(self, done: int, steps: int, loss: float) -> None:
        """Prints a line if it is time."""
        self._stop.check()
        self.has_learned, now = True, self._clock()
        if now >= self._next or done == steps:
            self._next = now + _LINES_EVERY
            left = (now - self._start) / done * (steps - done)
            self.print(f"{done:,}/{steps:,} steps, loss {loss:.3f} nat, {as_seconds(left)} left")

    def print(self, told: str) -> None:
        if self._console is not None:
            self._console.print(f"pre-training {self._what}: {told}", highlight=False, soft_wrap=True)
