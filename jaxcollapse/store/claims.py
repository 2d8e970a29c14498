"""Chunks are claimed before they are computed, so that runs at the same time compute different ones."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType

from jaxcollapse.planning import Chunk
from jaxcollapse.store import atomic
from jaxcollapse.store.lock import Lock, is_locked

_log = logging.getLogger(__name__)
_LOOK_EVERY = 0.5  # seconds between looks at what other runs have done


class Claims:
    """The chunks that a run has yet to compute, less those that another run computes at the same time.

    A context: at its end all claims are given up.
    """

    def __init__(
        self, shards: Path, chunks: Sequence[Chunk], bad: Collection[Path], stored: Callable[[int], None]
    ) -> None:
        """Of these chunks.

        Args:
            shards: the folder of shards.
            chunks: to be computed.
            bad: files that are known not to count.
            stored: is told how many trajectories another run has stored.
        """
        self.left: Sequence[Chunk] = chunks
        self._shards, self._bad, self._stored = shards, bad, stored
        self._held: dict[str, Lock] = {}
        self._told = False

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
            lock = Lock(_lock_path(self._shards, chunk.id))
            if not lock.acquire(wait=False):
                claimed_by_others.append(chunk)
                continue
            if self._is_stored(chunk):
                lock.release()
                self._stored(len(chunk))
                continue
            self._held[chunk.id] = lock
            yield chunk
        self.left = claimed_by_others

    def release(self, chunk: Chunk) -> None:
        """Gives up the claim of a chunk that has been stored."""
        self._held.pop(chunk.id).release()

    def wait(self) -> None:
        """Until it is worth another look at what is left."""
        if not self._told:
            _log.warning("%d chunks are being computed by other runs; waiting for them", len(self.left))
            self._told = True
        time.sleep(_LOOK_EVERY)

    def _is_stored(self, chunk: Chunk) -> bool:
        """By another run, since this one has begun. No netCDF file is opened: the writer may be at work."""
        path = self._shards / f"{chunk.id}.nc"
        return path not in self._bad and path.exists() and atomic.is_sealed(path)


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
