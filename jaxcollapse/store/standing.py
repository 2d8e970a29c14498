"""What becomes of a dataset that is there already: it stays, or is set aside."""

import contextlib
import logging
import os
from pathlib import Path

from jaxcollapse.errors import InputError, printable
from jaxcollapse.store.atomic import is_sealed
from jaxcollapse.store.dataset import recognised
from jaxcollapse.store.extension import check_extends
from jaxcollapse.store.shards import Shards
from jaxcollapse.sweep.reading import parse_toml
from jaxcollapse.sweep.sweep import Sweep

_log = logging.getLogger(__name__)


def stays(path: Path, sweep: Sweep, content: str, shards: Shards) -> bool:
    """Whether a file is the dataset of these shards, or has more of the sweep's trajectories than are left in them.

    Else it is set aside, unless it just has fewer.

    Args:
        path: the file, of whatever origin.
        sweep: the study's.
        content: a digest of the shards.
        shards: of the study.
    """
    known = recognised(path, sweep, content) if is_sealed(path) else None
    if known is not None and known.is_this:
        return True
    if known is not None and known.trajectories <= int(shards.done.sum()):
        return False
    if known is not None and not shards.done.all() and _goes_with(known.sweep, sweep):
        _log.warning("%s holds more than the shards that are left; it stays as it is", printable(path))
        return True
    with contextlib.suppress(OSError):  # where others may not write
        if known is None:
            set_aside(path, ".damaged.nc", "is damaged or was changed")
        else:
            set_aside(path, ".other.nc", "stands for another sweep")
    return False


def set_aside(path: Path, suffix: str, why: str) -> None:
    """Gives a file another name, so that another can take its place.

    Raises:
        OSError: that may not be done.
    """
    aside = path.with_suffix(suffix)
    os.replace(path, aside)
    _log.warning("%s %s; it is set aside as %s", printable(path), printable(why), aside.name)


def _goes_with(text: str, sweep: Sweep) -> bool:
    """Whether a sweep file, of whatever origin, extends the study's sweep, or is extended by it."""
    try:
        theirs = Sweep.from_dict(parse_toml(text, ""), folder=sweep.folder)
    except InputError:
        return False
    for old, new in ((sweep, theirs), (theirs, sweep)):
        with contextlib.suppress(InputError):
            check_extends(old, new, sweep.folder)
            return True
    return False
