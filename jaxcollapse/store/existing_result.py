"""What a dataset's file is that is there already, and how it gets another name."""

import contextlib
import errno
import logging
import os
from collections.abc import Collection, Mapping
from enum import Enum, auto
from itertools import count
from pathlib import Path

from jaxcollapse.errors import InputError, printable
from jaxcollapse.store.dataset import recognised
from jaxcollapse.store.extension import check_extends
from jaxcollapse.store.shard import BadShardError
from jaxcollapse.store.shards import Shards
from jaxcollapse.sweep.reading import parse_toml
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.atomic import is_sealed

_log = logging.getLogger(__name__)


class ResultState(Enum):
    """What is in the place of a dataset."""

    ABSENT = auto()
    STAYS = auto()  # it is the dataset of the shards, or has more of the sweep's trajectories than are left in them
    OUTGROWN = auto()  # it has fewer trajectories than the shards
    OTHER = auto()  # it is another sweep's dataset
    DAMAGED = auto()  # it was read, and is no dataset, or was changed
    ELSEWHERE = auto()  # it is a link to what is not here


_WHY = {
    ResultState.OTHER: ("other", "belongs to another sweep"),
    ResultState.DAMAGED: ("damaged", "is damaged or was changed"),
    ResultState.ELSEWHERE: ("other", "is a link to a missing file (`git annex get` may bring it)"),
}


def standing(path: Path, sweep: Sweep, content: str, shards: Shards) -> ResultState:
    """What a file is.

    Args:
        path: the file, of any origin.
        sweep: the study's.
        content: a digest of the shards.
        shards: of the study.

    Raises:
        OSError: it cannot be read, and may be all right.
    """
    if not path.exists():
        return ResultState.ELSEWHERE if path.is_symlink() else ResultState.ABSENT
    known = recognised(path, sweep, content) if is_sealed(path) else None
    if known is None:
        return ResultState.DAMAGED
    if known.is_this:
        return ResultState.STAYS
    if known.trajectories <= int(sweep.grid.at_places(shards.done, False).sum()):
        return ResultState.OUTGROWN
    if not shards.done.all() and _goes_with(known.sweep, sweep):
        _log.warning("%s holds more than the remaining shards; it is left unchanged", printable(path))
        return ResultState.STAYS
    return ResultState.OTHER


def why(stands: ResultState) -> str:
    """Why a file in the dataset's place cannot be the dataset; else nothing."""
    return _WHY[stands][1] if stands in _WHY else ""


def make_room(path: Path, stands: ResultState) -> None:
    """Sets aside what is in the way of a dataset.

    Raises:
        OSError: that may not be done.
    """
    if stands in _WHY:
        word, reason = _WHY[stands]
        set_aside(path, word, reason, path.suffix)


def make_way(bad: Mapping[Path, str], chunks: Collection[str]) -> None:
    """Sets aside the shards that do not count, and yet are what somebody wrote, under names that are to be written.

    Args:
        bad: shards that do not count, and why.
        chunks: the names of shards that will be written.

    Raises:
        OSError: one is a link to what is not here, or may not be renamed.
    """
    for path, reason in bad.items():
        if path.is_symlink() and not path.exists():
            told = "is a link to a missing file; bring it (`git annex get`), or remove the link to compute it again"
            raise FileNotFoundError(errno.ENOENT, told, str(path))
        if path.stem in chunks and path.exists() and (not path.is_file() or is_sealed(path)):
            set_aside(path, "other", f"is ignored: {reason}")


def set_aside(path: Path, word: str, reason: str, ending: str = "") -> None:
    """Gives a file another name, so that another can take its place: NAME.WORD, or if that is taken NAME.WORD.2.

    Args:
        path: the file.
        word: what is put behind its stem.
        reason: why it is set aside, for the log.
        ending: the last part of its new name.

    Raises:
        OSError: that may not be done.
    """
    names = (f"{path.stem}.{word}{f'.{number}' if number > 1 else ''}{ending}" for number in count(1))
    aside = next(place for place in map(path.with_name, names) if not os.path.lexists(place))
    os.replace(path, aside)
    _log.warning("%s %s; it is set aside as %s", printable(path), printable(reason), printable(aside.name))


def set_shard_aside(bad: BadShardError) -> None:
    """Sets aside a shard whose numbers cannot be read, so that its trajectories are computed again."""
    assert bad.path is not None
    set_aside(bad.path, "damaged", f"is ignored: {bad}")


def _goes_with(text: str, sweep: Sweep) -> bool:
    """Whether a sweep file, of any origin, extends the study's sweep, or is extended by it."""
    try:
        theirs = Sweep.from_dict(parse_toml(text, ""), folder=sweep.folder)
    except InputError:
        return False
    for old, new in ((sweep, theirs), (theirs, sweep)):
        with contextlib.suppress(InputError):
            check_extends(old, new, sweep.folder)
            return True
    return False
