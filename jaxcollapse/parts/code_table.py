"""Tables of code that compiled programs depend on, and that they are named by.

A compiled program is found again, in this process and on disk, by the names of its observables, optimiser and schedule.
So a name must always mean the code that the package gives it. What a script or notebook registers, or puts in the
place of an entry, could change without a new program being compiled: it is refused before one is looked for.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from jaxcollapse.errors import InputError, shown

Entry = TypeVar("Entry")


TABLES: list["OwnCode[Any]"] = []  # all of them


class OwnCode(dict[str, Entry]):
    """Code by name. Once it is closed, it remembers what the package itself has put there."""

    own: Mapping[str, Entry]
    changes = 0  # of all tables, so far: what is worked out of them is worked out anew after one

    def __init__(self, *entries: Any):
        super().__init__(*entries)
        self.own = {}
        TABLES.append(self)
        OwnCode.changes += 1

    def __setitem__(self, name: str, entry: Entry) -> None:
        super().__setitem__(name, entry)
        OwnCode.changes += 1

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        OwnCode.changes += 1

    def close(self) -> "OwnCode[Entry]":
        """Takes what is there now as the package's own."""
        self.own = dict(self)
        return self


def check_entry(key: str, table: Mapping[str, Any], name: str) -> None:
    """Raises `InputError` unless an entry of a table was put there by the package itself, or by a plug-in.

    Args:
        key: where the sweep file names the entry.
        table: an `OwnCode`. One that has been put in its place has nothing of the package's own.
        name: of the entry.
    """
    entry = table.get(name)
    if entry is not getattr(table, "own", {}).get(name) and getattr(entry, "plugin", None) is None:
        _refuse(key, name)


def check_part(key: str, part: object) -> None:
    """Raises `InputError` unless the class of a walk, or of a parameterisation, is one of the package's."""
    if type(part).__module__.split(".")[0] != __package__.split(".")[0]:
        _refuse(key, type(part).__name__)


def _refuse(key: str, name: str) -> None:
    raise InputError(
        key,
        f"{shown(name)} is not the package's own code: it was added or replaced after jaxcollapse was imported, and "
        "compiled programs would not notice when it changes; register it as your own part (docs/plugins.md) "
        "and restart Python",
    )
