"""Folders for what may be lost: the user's cache, which outlives the process, and temporary ones, which do not."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder(name: str) -> Path | None:
    """A folder of this name among the user's caches, made if need be; None where nothing can be kept.

    There may be no home folder (a container's user may be in no list of users), or it may be locked or full.
    """
    folder = user_cache_path("jaxcollapse") / name
    if not folder.is_absolute():
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder if os.access(folder, os.R_OK | os.W_OK | os.X_OK) else None


def temporary_folder() -> Path:
    """A new folder, which is removed when the process ends.

    Raises:
        OSError: there is no room for temporary files.
    """
    folder = tempfile.mkdtemp(prefix="jaxcollapse-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
