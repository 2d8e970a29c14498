"""Compiled programs on disk: bytes by name, in a folder that may be deleted at any time.

They are kept where the user's caches are (`$XDG_CACHE_HOME/jaxcollapse` or `~/.cache/jaxcollapse` on Linux), and not at
all where JAX is set to keep nothing (`JAX_ENABLE_COMPILATION_CACHE=false`). What is in a file is run as it is:
like any program, it is only as safe as the folder is.
"""

import hashlib
import logging
import os
import zlib
from pathlib import Path

import jax

from jaxcollapse.system.atomic import replacing
from jaxcollapse.system.scratch import cache_folder

_DIGEST = 32  # bytes of the checksum that a file begins with
_MOST_BYTES = 2**29  # of all files together; the oldest go first

_log = logging.getLogger(__name__)


def kept(name: str) -> bytes | None:
    """What was kept under this name, if it is there and whole."""
    folder = _folder()
    if folder is None:
        return None
    path = folder / name
    try:
        if not path.is_file():
            return None
        content = path.read_bytes()
        packed = content[_DIGEST:]
        if _digest(name, packed) != content[:_DIGEST]:
            raise ValueError("is damaged, or holds another program")
        os.utime(path)
        return zlib.decompress(packed)
    except (OSError, ValueError, zlib.error) as error:  # whatever is wrong with a file, it can be made again
        _log.info("%s: %s", path, error)
        return None


def keep(name: str, content: bytes) -> None:
    """Keeps bytes under a name. That they cannot be kept does no harm."""
    folder = _folder()
    if folder is None:
        return
    packed = zlib.compress(content, 1)
    try:
        with replacing(folder / name) as temporary:
            temporary.write_bytes(_digest(name, packed) + packed)
        _drop_oldest(folder)
    except OSError as error:  # a full disk
        _log.info("%s is not cached: %s", folder / name, error)


def _digest(name: str, packed: bytes) -> bytes:
    return hashlib.sha256(name.encode() + packed).digest()


def _folder() -> Path | None:
    """Where programs are kept; None if they are not to be, or cannot be."""
    return cache_folder("programs") if jax.config.values["jax_enable_compilation_cache"] else None


def _drop_oldest(folder: Path) -> None:
    files = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in folder.iterdir()), reverse=True)
    total = 0
    for _, size, path in files:
        total += size
        if total > _MOST_BYTES:
            path.unlink(missing_ok=True)
