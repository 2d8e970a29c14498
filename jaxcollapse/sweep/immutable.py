"""Tables and lists that do not change, so that a sweep says what its grid was made from."""

from collections.abc import Mapping
from typing import Any, NoReturn

_NUMBERS = (bool, int, float)


class FixedTable(dict[str, Any]):
    """A dictionary that does not change."""

    def __reduce__(self) -> tuple[Any, ...]:
        return FixedTable, (dict(self),)


class FixedList(list[Any]):
    """A list that does not change."""

    def __reduce__(self) -> tuple[Any, ...]:
        return FixedList, (list(self),)


def fixed(value: Any) -> Any:
    """A copy of tables and lists in each other that does not change."""
    if isinstance(value, Mapping):
        return FixedTable({key: fixed(entry) for key, entry in value.items()})
    if isinstance(value, list):  # mostly of numbers, maybe a million of them
        return FixedList([entry if type(entry) in _NUMBERS else fixed(entry) for entry in value])
    return value


def _refuse(*arguments: Any, **named: Any) -> NoReturn:
    raise TypeError("a sweep cannot be changed; make another one, as in sweep.replace(seed=1)")


for _name in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(FixedTable, _name, _refuse)
for _name in ("__setitem__", "__delitem__", "__iadd__", "__imul__", "append", "clear", "extend", "insert", "pop"):
    setattr(FixedList, _name, _refuse)
for _name in ("remove", "reverse", "sort"):
    setattr(FixedList, _name, _refuse)
