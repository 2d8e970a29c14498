"""Locks, by which runs on one study share its work.

The system lets go of a lock when its process ends, however it ends. The file says which process holds it. Where a file
system has no locks, runs go without: results never depend on locks, since files are replaced whole, and equal chunks
hold equal numbers.
"""

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from jaxcollapse.errors import printable

_NONE_HERE = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}  # file systems say one of these if they have no locks

_LONGEST = 200  # bytes of what a lock's file says

_log = logging.getLogger(__name__)


class Lock:
    """A lock of a name, held by one process of all machines that share the folder."""

    def __init__(self, path: Path):
        self._path = path
        self._lock = FileLock(path, thread_local=False, fallback_to_soft=False)

    def acquire(self, *, wait: bool) -> bool:
        """Takes the lock; whether it is now held.

        Raises:
            OSError: the folder is not there or cannot be written to.
        """
        try:
            self._lock.acquire(blocking=wait)
        except Timeout:
            return False
        except OSError as error:
            if error.errno not in _NONE_HERE:
                raise
            _warn(self._path.parent)
        if self.is_held:
            with contextlib.suppress(OSError):  # on a full disk
                self._path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        return True

    def release(self) -> None:
        """Lets go. The file goes first: one who has opened it finds out that it is gone, and makes another."""
        if self._lock.is_locked:
            self._path.unlink(missing_ok=True)
            self._lock.release()

    @property
    def is_held(self) -> bool:
        """Whether it is held by this object; never where there are no locks."""
        return self._lock.is_locked


@contextlib.contextmanager
def locked(path: Path, why: str) -> Iterator[Lock]:
    """Waits until the lock is free, and holds it. `why` says in the log what another run may be doing with it."""
    lock = Lock(path)
    if not lock.acquire(wait=False):
        told = "waiting for another run, which %s %s: %s (if it is paused, `kill -CONT` resumes it)"
        _log.warning(told, why, printable(path.parent), holder(path) or "a process")
        lock.acquire(wait=True)
    try:
        yield lock
    finally:
        lock.release()


def holder(path: Path) -> str:
    """The process that holds the lock of this name, as "process 123 on node7"; nothing if the file does not say so."""
    try:
        with _opened(path) as file:
            return printable(file.read(_LONGEST).decode(errors="replace").strip())
    except OSError:
        return ""


def is_locked(path: Path) -> bool:
    """Whether any process holds the lock of this name; found out by reading alone, so that anyone may ask."""
    import fcntl  # there is none on Windows, where it should not keep runs from starting

    try:
        with _opened(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it is gone, cannot be read, or there are no locks here
        return False
    return False


def _opened(path: Path) -> BinaryIO:
    """A file for reading, but no link's target, and no pipe that waits for a writer."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


@cache
def _warn(folder: Path) -> None:
    _log.warning("%s: no locks on this file system; runs at the same time may compute the same chunks", folder)
