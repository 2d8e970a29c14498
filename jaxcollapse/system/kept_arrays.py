"""Arrays that took long to compute, kept in the user's cache by name; the folder may be deleted at any time."""

import hashlib
import logging
import os
from pathlib import Path

from jaxcollapse.system.atomic import replacing
from jaxcollapse.system.scratch import cache_folder

_DIGEST = 32  # bytes of the checksum that a file begins with
_log = logging.getLogger(__name__)


def kept(name: str) -> bytes | None:
    """What was kept under this name, if it is there and whole."""
    path = _path(name)
    try:
        content = b"" if path is None or not path.is_file() else path.read_bytes()
    except OSError as error:
        _log.info("%s: %s", path, error)
        return None
    if not content or _digest(name, content[_DIGEST:]) != content[:_DIGEST]:
        return None
    return content[_DIGEST:]


def keep(name: str, content: bytes) -> None:
    """Keeps bytes under a name, whole or not at all. That they cannot be kept does no harm."""
    path = _path(name)
    if path is None:
        return
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(_digest(name, content) + content)
    except OSError as error:
        _log.info("%s is not kept: %s", path, error)


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + content).digest()


def _path(name: str) -> Path | None:
    """Where a file of this name is kept; None if nothing can be, or JAXCOLLAPSE_KEEP=0 forbids it."""
    if os.environ.get("JAXCOLLAPSE_KEEP") == "0":
        return None
    folder = cache_folder("networks")
    return None if folder is None else folder / name
