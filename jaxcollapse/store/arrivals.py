"""What other runs have stored of a study since this one has made its plan."""

import time
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.store.shards import Shards
from jaxcollapse.system import atomic

_LOOK_EVERY = 1.0  # seconds from one look into the folder to the next


class Arrivals:
    """Shards that were not there before: whole chunks of the plan, known by their names, and parts of chunks."""

    def __init__(
        self, folder: Path, plan: Plan, known: Collection[Path], read: Callable[[Collection[Path]], Shards]
    ) -> None:
        """Watches the shards of a study.

        Args:
            folder: of its shards.
            plan: how it is cut.
            known: files that were seen when this run made its plan.
            read: verifies some files.
        """
        self._folder, self._plan, self._read, self._known = folder, plan, read, known
        self._names = {chunk.id for chunk in plan.chunks}
        self._seen = set(known)
        self._done: np.ndarray | None = None
        self._next = time.monotonic() + _LOOK_EVERY

    def rest(self, chunk: Chunk) -> Chunk | None:
        """What is still missing of a chunk, which nobody else may be storing; None if nothing is."""
        path = self._folder / f"{chunk.id}.nc"
        if path not in self._known and path.exists() and atomic.is_sealed(path):
            return None
        if time.monotonic() >= self._next:
            self.look()
            self._next = time.monotonic() + _LOOK_EVERY
        return chunk if self._done is None else self._plan.rest(chunk, self._done)

    def look(self) -> None:
        """Reads the parts of chunks that have been added."""
        new = {path for path in self._folder.glob("*.nc") if path not in self._seen and path.stem not in self._names}
        self._seen |= new
        if new:
            done = self._read(new).done
            self._done = done if self._done is None else self._done | done
