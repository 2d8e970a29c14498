"""Whether a file that follows from others has to be written again."""

import os
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def is_up_to_date(path: Path, source: Path) -> bool:
    """Whether a file was written after its source, by this state of the package. Never true of a link."""
    try:
        written = path.lstat().st_mtime_ns
        return (
            not path.is_symlink()
            and written > source.stat().st_mtime_ns
            and written > max(_changes(os.fspath(_PACKAGE)))
        )
    except OSError:
        return False


def _changes(folder: str) -> Iterator[int]:
    """When each file of a folder was changed; folders themselves, and what Python compiles, do not count."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _changes(entry.path)
            else:
                yield entry.stat().st_mtime_ns
