"""Paths as users write them, with one meaning for all libraries.

In a text, a `~` at the beginning is the home folder, as in a shell; `./~` is a folder of that name. A `Path` is what
pathlib takes it for, with a `~` like any other character. xarray and netCDF have other rules, so each path passes here
before a library sees it.
"""

import contextlib
import errno
import os
import re
import unicodedata
from pathlib import Path

from jaxcollapse.errors import InputError, shown

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NOT_IN_NAMES = {"Cc": "a control character", "Zl": "a line separator", "Zp": "a line separator"}


def user_path(written: str | os.PathLike[str], key: str = "") -> Path:
    """The path that a user means.

    Args:
        written: as typed, or given to a function.
        key: what messages call it.

    Raises:
        InputError: it is empty, an address, or has a character that no name should have.
    """
    if isinstance(written, Path):
        return checked(written, key)
    text = os.fspath(written)
    if not text:
        raise InputError(key, "is empty")
    if _ADDRESS.match(text):
        raise InputError(key, f"{shown(text)} is an address; copy what it points to, and give the path of the copy")
    path = Path(text)
    if text.startswith("~"):
        with contextlib.suppress(RuntimeError):  # there is no such user, so it is a name like any other
            path = path.expanduser()
    return checked(path, key)


def checked(path: Path, key: str = "") -> Path:
    """The path, if its text can be part of messages, scripts and files.

    Raises:
        InputError: it has control characters, or bytes that are not UTF-8, or is longer than any name may be.
    """
    for character in str(path):
        category = unicodedata.category(character)
        if category in _NOT_IN_NAMES:
            raise InputError(key, f"{shown(str(path))} contains {_NOT_IN_NAMES[category]}; rename it")
        if category == "Cs":
            raise InputError(key, f"{shown(str(path))} is not UTF-8 text, which netCDF needs; rename it")
    try:
        path.lstat()
    except OSError as error:  # whatever else is wrong with it, whoever uses it says
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(key, f"{shown(str(path))} is too long for the name of a file") from None
    return path
