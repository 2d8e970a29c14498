"""Chunks are claimed before they are computed, so that runs at the same time compute different ones."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType

from jaxcollapse.planning import Chunk
from jaxcollapse.store.lock import Lock, holder, is_locked, locked
from jaxcollapse.system import atomic
from jaxcollapse.system.signals import Stop

_log = logging.getLogger(__name__)
_LOOK_EVERY = 0.5  # seconds between looks at what other runs have done
_PATIENCE = 300.0  # seconds without any news after which what others have claimed is computed here, too


class Claims:
    """The chunks that a run has yet to compute, less those that another run computes at the same time.

    A context: at its end all claims are given up.
    """

    def __init__(
        self,
        shards: Path,
        chunks: Sequence[Chunk],
        rest: Callable[[Chunk], Chunk | None],
        stored: Callable[[int], None],
        seconds: float = 0.0,
    ) -> None:
        """Prepares to claim these chunks, one by one.

        Args:
            shards: the folder of shards.
            chunks: to be computed.
            rest: gives the part of a chunk that no other run has stored yet; None if nothing is missing.
            stored: is called with the number of trajectories that another run has stored.
            seconds: what a chunk takes at most, by the plan.
        """
        self.left: Sequence[Chunk] = chunks
        self._shards, self._rest, self._stored = shards, rest, stored
        self._held: dict[str, Lock] = {}
        self._missing: dict[str, int] = {}
        self._patience = _PATIENCE + 4 * seconds
        self._news: tuple[float, int] | None = None
        self._is_impatient = False

    def __enter__(self) -> "Claims":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lock in self._held.values():
            lock.release()

    def free(self) -> Iterator[Chunk]:
        """Claims one after the other what no other run has claimed; the rest stays `left`."""
        claimed_by_others = list[Chunk]()
        for chunk in self.left:
            lock = Lock(_lock_path(self._shards, chunk.claim))
            is_mine = lock.acquire(wait=False)
            if not (is_mine or self._is_impatient):
                claimed_by_others.append(chunk)
                continue
            rest = self._rest(chunk)
            if rest is not chunk:
                self._stored(len(chunk) - (len(rest) if rest else 0))
            if rest is None:
                lock.release()
                continue
            self._held[chunk.claim] = lock
            self._missing[chunk.claim] = len(rest)
            yield rest
        self.left = claimed_by_others

    def store(self, chunk: Chunk, write: Callable[[], object]) -> None:
        """Has a chunk, or a part of it, written. What is whole is claimed no longer.

        The name of a part is locked while it is written: other runs sweep up files of names that nobody has locked.
        """
        is_whole = chunk.id == chunk.claim
        with nullcontext() if is_whole else locked(_lock_path(self._shards, chunk.id), "looks at"):
            write()
        self._missing[chunk.claim] -= len(chunk)
        if not self._missing[chunk.claim]:
            self._held.pop(chunk.claim).release()

    def wait(self, stop: Stop) -> None:
        """Until it is worth another look at what is left, or the run is to stop."""
        now, changed = time.monotonic(), self._shards.stat().st_mtime_ns
        if self._news is None:
            told = "%d chunks are being computed by %s; waiting for them"
            _log.warning(told, len(self.left), self._others())
        if self._news is None or self._news[1] != changed:
            self._news = now, changed
        elif now - self._news[0] > self._patience:
            told = "%s stored nothing for %.0f s; computing its chunks here, too (the results are identical)"
            _log.warning(told, self._others(), now - self._news[0])
            self._is_impatient = True
            return
        stop.wait(min(_LOOK_EVERY, self._patience))

    def _others(self) -> str:
        """The runs that hold what is left."""
        names = {holder(_lock_path(self._shards, chunk.claim)) for chunk in self.left}
        return ", ".join(sorted(names)) or "another run"


def claimed(shards: Path) -> int:
    """How many chunks are being computed now, by any run. Nothing is written, and no claim is taken."""
    return sum(is_locked(path) for path in shards.glob(".*.lock"))


def sweep_up(shards: Path) -> None:
    """Removes what runs that were killed have left: temporary files and locks of chunks that nobody claims."""
    left = defaultdict[str, list[Path]](list)
    for path in shards.iterdir() if shards.is_dir() else ():
        if path.name.startswith(".") and path.suffix in (".tmp", ".lock"):
            left[path.name.split(".")[1]].append(path)
    for chunk, paths in left.items():
        lock = Lock(_lock_path(shards, chunk))
        if lock.acquire(wait=False) and lock.is_held:
            atomic.remove(path for path in paths if path.suffix == ".tmp")
            lock.release()


def _lock_path(shards: Path, name: str) -> Path:
    return shards / f".{name}.lock"
