"""Which files may be read: ordinary ones of a bounded size, below the folder that the user named."""

import stat
from pathlib import Path

from jaxcollapse.errors import InputError
from jaxcollapse.limits import MOST_INPUT_BYTES
from jaxcollapse.system.paths import user_path

KEY = "process.initial.path"


def is_within(folder: Path, path: str | Path) -> bool:
    """Whether a path that starts at a folder stays below it, wherever symbolic links lead."""
    try:
        return (folder / path).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a null character; a name too long; links in a circle
        return False


def within(folder: Path, path: str) -> Path:
    """The path of a file, which starts at a folder and may not leave it.

    Raises:
        InputError: it leads out of the folder, or nowhere.
    """
    inside = user_path(path, KEY)
    if not is_within(folder, inside):
        hint = "copy the file there, or name another folder to read from, --inputs FOLDER"
        raise InputError(KEY, f"{path!r} leads out of {str(folder)!r}, where paths start; {hint}")
    return folder / inside


def readable(path: Path) -> Path:
    """The path, if a file is there that has an end.

    Raises:
        InputError: there is no such file, or it is a device, a pipe or a folder, or too large.
    """
    try:
        told = path.stat()
    except (OSError, ValueError):
        raise InputError(KEY, f"{str(path)!r}: no such file") from None
    if not stat.S_ISREG(told.st_mode):
        raise InputError(KEY, f"{str(path)!r}: is not an ordinary file")
    if not told.st_size:  # or, as in /proc, invented for a reader, who may wait for ever
        raise InputError(KEY, f"{str(path)!r}: is empty")
    if told.st_size > MOST_INPUT_BYTES:
        raise InputError(KEY, f"{str(path)!r}: has {told.st_size} bytes; at most {MOST_INPUT_BYTES} are read")
    return path
