"""What was read of small files stays in memory, so that a study that grows step by step opens each shard once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from jaxcollapse.system.atomic import settled

_SMALL = 2**16  # bytes of a file of which all that is read is kept
_MOST = 1000  # such files

T = TypeVar("T")
_held = OrderedDict[Path, tuple[tuple[int, ...], dict[Hashable, Any]]]()  # the least recently used first
_lock = Lock()


def recalled(path: Path, what: Hashable, read: Callable[[], T]) -> T | None:
    """What was read of a small sealed file, unless the file has changed since; None if the file is not small.

    Args:
        path: the file.
        what: of it.
        read: gives that; the same object is given again, so nobody may change it.
    """
    state = settled(path)
    if state is None or state[2] > _SMALL:
        return None
    with _lock:
        held = _held.pop(path, None)
        if held is None or held[0] != state:
            held = state, {}
        _held[path] = held
        if len(_held) > _MOST:
            _held.popitem(last=False)
    if what not in held[1]:
        held[1][what] = read()
    found: T = held[1][what]
    return found
