"""How a folder becomes a study, and which ones may."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from jaxcollapse.distributions.allowed_paths import is_within
from jaxcollapse.errors import InputError
from jaxcollapse.store.sweep_file import check_format
from jaxcollapse.system.atomic import is_temporary
from jaxcollapse.system.paths import checked

LOCK = ".lock"
_WRITTEN = ("inputs", "shards", "slurm")  # folders


def may_become_a_study(folder: Path) -> bool:
    """Whether a folder is not there, or empty, or has no more than a run that was cut short while it made a study."""
    if not folder.exists():
        return True
    try:
        names = {path.name for path in folder.iterdir()}
        begun = "shards" in names and not any((folder / "shards").iterdir())
    except OSError:  # it is a file, or may not be read
        return False
    made = {"shards", "inputs"} if begun else set()
    return all(name in made or name == LOCK or is_temporary(name) for name in names)


def what_lacks(folder: Path) -> str:
    """What a folder lacks to be a study; nothing if it is one. A sweep file alone may be anybody's."""
    if not (folder / "sweep.toml").is_file():
        return "sweep.toml"
    return "" if (folder / "shards").is_dir() or (folder / "plan.json").is_file() else "folder shards"


def check_may_be_read(folder: Path) -> None:
    """Whether a study may be read: links to its files and shards are followed, but its inputs lie in its folder.

    Raises:
        InputError: they do not, or a later version of the package has written it.
    """
    checked(folder.absolute(), "folder")
    _check_stays_inside(folder, "inputs")
    check_format(folder)


def check_may_be_written(folder: Path) -> None:
    """Whether what is written to a study stays in its folder. Links in the place of files are replaced.

    Raises:
        InputError: it does not, or cannot.
    """
    checked(folder.absolute(), "folder")
    for name in _WRITTEN:
        _check_stays_inside(folder, name)
    check_format(folder)


def _check_stays_inside(folder: Path, name: str) -> None:
    if not is_within(folder, name):
        raise InputError(
            "", f"{name} in it is a link to another place; replace it with a copy of its target", str(folder)
        )


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """Makes a folder; it goes again, with those above it that were made, if nothing is in it at the end."""
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # there is something in it
            for each in new:
                each.rmdir()


@contextlib.contextmanager
def said_if_it_cannot_be_written(folder: Path) -> Iterator[None]:
    """Within this context, errors of files are reported to the user, who can fix them.

    Raises:
        InputError: instead of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise InputError("", f"cannot be written: {error.strerror}", str(folder)) from None
