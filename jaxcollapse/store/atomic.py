"""Writing a file whole or not at all, and knowing that it still is: its last 32 bytes are the SHA-256 of the rest.

HDF5 does not look behind its own end, so a sealed netCDF file is an ordinary one. A seal is checked before a file is
opened: HDF5 may never come back from reading a damaged one.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

_SEAL_BYTES = hashlib.sha256().digest_size
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
_SETTLED = 2 * 10**9  # nanoseconds after which another change of a file gets another time from any file system

_whole: dict[Path, tuple[int, ...]] = {}  # files that were found whole, and their state then


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name to write to, in the same folder; what is there at the end is flushed and moved to `path`.

    Raises:
        OSError: it cannot be written; `path` is as it was.
    """
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
    """A name beside a path, to write to before it is moved there: unlike process ids, unique on all machines."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def is_temporary(name: str) -> bool:
    """Whether a file has such a name."""
    return bool(_TEMPORARY.fullmatch(name))


def sweep_up(path: Path) -> None:
    """Removes what was left of writes to this path that were killed. Nobody may be writing to it."""
    for temporary in path.parent.glob(f".{path.name}.*.tmp"):
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
    """Whether a file is what was sealed, to the last bit. One that was, and has not changed since, is read once."""
    if not stat.S_ISREG(path.lstat().st_mode):  # a pipe could be read without end, a link lead anywhere
        return False
    state, asked = _state(path), time.time_ns()
    if _whole.get(path) == state:
        return True
    if not _is_whole(path):
        return False
    if asked - max(state[-2:]) > _SETTLED:
        _whole[path] = state
    return True


def settled(path: Path) -> tuple[int, ...] | None:
    """The state of a file that was found whole and has not changed since; None if that is not known."""
    state = _whole.get(path)
    return state if state is not None and _state(path) == state else None


def _is_whole(path: Path) -> bool:
    digest, left = hashlib.sha256(), path.stat().st_size - _SEAL_BYTES
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(left, 2**20))):
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()


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
