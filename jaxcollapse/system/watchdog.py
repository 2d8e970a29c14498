"""HDF5 may never come back from reading a broken file, and cannot be interrupted. A command then ends with a message.

In Python this is off: it would end the user's own process.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from jaxcollapse.errors import printable
from jaxcollapse.system.netcdf_turn import TURN

SECONDS = 120.0  # to open a file and read a piece of it, which takes a fraction of a second as a rule

_seconds: float | None = None


def lose(seconds: float = SECONDS) -> None:
    """From now on the process ends if reading one piece of a file takes longer."""
    global _seconds
    _seconds = seconds


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """While this context lasts, a piece of a file is read, by this thread alone.

    Raises:
        OSError: the system has no thread to watch over it.
    """
    with TURN, _watched(path):
        yield


@contextlib.contextmanager
def _watched(path: Path) -> Iterator[None]:
    if _seconds is None:
        yield
        return
    timer = threading.Timer(_seconds, _end, [path])
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, f"cannot be read now: {error}", str(path)) from None
    try:
        yield
    finally:
        timer.cancel()


def _end(path: Path) -> None:
    told = "HDF5 hangs while reading it: the file is damaged, or the disk does not respond; move the file away"
    with contextlib.suppress(OSError):  # nobody reads it
        os.write(2, f"jaxcollapse: {printable(path)}: {told}\n".encode())
    os._exit(1)
