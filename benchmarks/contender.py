"""A contender: something that runs many trajectories at once, if its library is here."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

Run = Callable[[int], Any]  # runs so many generations of all trajectories; gives their state, if it is at hand
Make = Callable[[Any, int], Run | None]  # from a point and a number of trajectories; None: cannot run there


class Contender(NamedTuple):
    """name: the heading of its figures. module: where its `run_of` is. library: what has to be installed."""

    name: str
    module: str
    library: str

    @property
    def is_here(self) -> bool:
        """Whether its library can be imported."""
        return find_spec(self.library) is not None

    @property
    def run_of(self) -> Make:
        """Imported on first use, so that only contenders that take part need their library."""
        made: Make = import_module(self.module).run_of
        return made


def runs_of(contenders: Sequence[Contender], point: Any, trajectories: int) -> dict[str, Run | None]:
    """By name, of those that can take part on this machine; None: not at this point."""
    return {contender.name: contender.run_of(point, trajectories) for contender in present(contenders)}


def present(contenders: Sequence[Contender]) -> list[Contender]:
    """Those that can take part on this machine."""
    return [contender for contender in contenders if contender.is_here]
