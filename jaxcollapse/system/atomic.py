"""Writing a file whole or not at all, and knowing that it still is: its last 32 bytes are the SHA-256 of the rest.

HDF5 does not look behind its own end, so a sealed netCDF file is an ordinary one. A seal is checked before a file is
opened: HDF5 may never come back from reading a damaged one. Only a file that was read and has another seal is damaged;
one that could not be read may be all right.
"""

import contextlib
import errno
import hashlib
import logging
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from jaxcollapse.errors import printable

_SEAL_BYTES = hashlib.sha256().digest_size
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
_SETTLED = 2 * 10**9  # nanoseconds after which another change of a file gets another time from any file system

_MAY_HAVE_HOLES = 2**26  # bytes of a file that is read whatever it is
_MOST_PIECES = 1000  # of a file with holes that are looked at
_LONG = 2**33  # bytes that take a while to read, so that it is said

_log = logging.getLogger(__name__)

_whole: dict[Path, tuple[tuple[int, ...], bytes]] = {}  # the state of files that were found whole, and their seals


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name to write to, in the same folder; what is there at the end is flushed and moved to `path`.

    A link at `path` is replaced, and never followed.

    Raises:
        OSError: it cannot be written, or `path` is a folder, a device or a pipe; it is as it was.
    """
    _check_may_be_replaced(path)
    temporary = temporary_name(path)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except RuntimeError as error:  # netCDF4 says no more of a full disk
        free = shutil.disk_usage(path.parent).free
        problem = f"cannot be written ({error}); {free} bytes are free on its disk"
        raise OSError(errno.EIO, problem, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def temporary_name(path: Path) -> Path:
    """A name next to a path, to write to before it is moved there: unlike process ids, unique on all machines."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def is_temporary(name: str) -> bool:
    """Whether a file has such a name."""
    return bool(_TEMPORARY.fullmatch(name))


def _check_may_be_replaced(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not (stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
        raise OSError(errno.EINVAL, "is a device or a pipe, not a file", str(path))


def sweep_up(path: Path) -> None:
    """Removes what was left of writes to this path that were killed. Nobody may be writing to it."""
    start = f".{path.name}."
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    remove(each for each in beside if each.name.startswith(start) and each.suffix == ".tmp")


def remove(leftovers: Iterable[Path]) -> None:
    """Removes files and folders that were written to under temporary names. No link is followed."""
    for temporary in leftovers:
        if temporary.is_dir() and not temporary.is_symlink():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def sweep_up_below(folder: Path) -> None:
    """Removes what was left of writes to any path below a folder. Nobody may be writing there. No link is followed."""
    for where, _, names in os.walk(folder):
        for name in filter(is_temporary, names):
            Path(where, name).unlink(missing_ok=True)


def seal(path: Path) -> None:
    """Appends its SHA-256 to a file."""
    with path.open("rb+") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0, os.SEEK_END)
        file.write(digest)


def is_sealed(path: Path) -> bool:
    """Whether a file is what was sealed, to the last bit.

    Raises:
        OSError: it cannot be read, which says nothing about what is in it.
    """
    return seal_of(path) is not None


def seal_of(path: Path) -> bytes | None:
    """The seal of a file that is what was sealed, to the last bit; None if it is not, or is not an ordinary file.

    Links are followed. A file that was whole, and has not changed since, is read once.

    Raises:
        OSError: it cannot be read, which says nothing about what is in it.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe could be read without end
        return None
    state, asked = _state(path), time.time_ns()
    known = _whole.get(path)
    if known is not None and known[0] == state:
        return known[1]
    found = read_seal(path)
    if found is not None and asked - max(state[-2:]) > _SETTLED:
        _whole[path] = state, found
    return found


def settled(path: Path) -> tuple[int, ...] | None:
    """The state of a file that was found whole and has not changed since; None if that is not known."""
    known = _whole.get(path)
    return known[0] if known is not None and _state(path) == known[0] else None


def read_seal(path: Path) -> bytes | None:
    """The seal of an ordinary file, which is read in any case; None if it is broken.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > _MAY_HAVE_HOLES and _has_mostly_holes(file.fileno(), size):
            return None
        if size > _LONG:
            _log.warning("%s: reading %.0f GiB to verify them", printable(path), size / 2**30)
        file.seek(0)
        digest, left = hashlib.sha256(), size - _SEAL_BYTES
        while left > 0 and (block := file.read(min(left, 2**20))):
            digest.update(block)
            left -= len(block)
        return digest.digest() if file.read() == digest.digest() else None


def _has_mostly_holes(file: int, size: int) -> bool:
    """Whether less than half of a file is on the disk, as far as some of its pieces show.

    Compressed numbers have no long runs of zeros. A file of a terabyte that nobody has written would be read for hours.
    """
    place = held = 0
    for _ in range(_MOST_PIECES):
        try:
            start = os.lseek(file, place, os.SEEK_DATA)
        except OSError:  # the rest is a hole
            place = size
            break
        place = os.lseek(file, start, os.SEEK_HOLE)
        held += place - start
        if place >= size:
            break
    return 2 * held < place


def _state(path: Path) -> tuple[int, ...]:
    """What is another if a file's content was changed after its times have settled."""
    told = path.stat()
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns


def _flush_folder(path: Path) -> None:
    with contextlib.suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
