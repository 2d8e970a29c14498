"""Whose turn it is to use netCDF: it is not safe in several threads, so one thread of a process uses it at a time."""

from threading import RLock
from types import TracebackType


class _Turn:
    """A lock that a thread may take again while it has it. A copy in another process is the lock of that process."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def acquire(self, blocking: bool = True) -> bool:
        """Takes the lock; whether it has been taken."""
        return self._lock.acquire(blocking)

    def release(self) -> None:
        """Gives the turn back."""
        self._lock.release()

    def __reduce__(self) -> str:
        return "TURN"


TURN = _Turn()
