"""Walks of a user's own: the decorator `jaxcollapse.walk`."""

from dataclasses import dataclass
from typing import Any

from jaxcollapse.walks import WALKS


def walk(made: type) -> Any:
    """Adds a walk: a subclass of `jaxcollapse.Walk`.

    Its name, in lower case with underscores, is the value of the field `model`. Its annotated attributes are fields
    of the process; each of their values has a program of its own.

    Args:
        made: what is decorated.

    Raises:
        InputError: the name is one of the package's own.
    """
    return WALKS.add(dataclass(frozen=True)(made), is_static=True)
