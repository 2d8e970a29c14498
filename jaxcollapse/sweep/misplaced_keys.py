"""Keys of the top of a sweep file that are in one of its tables, or among the axes."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from jaxcollapse.errors import InputError, did_you_mean, nearest
from jaxcollapse.limits import MOST_COLUMNS
from jaxcollapse.sweep.designs import DESIGNS, FROM_FILE, field_of
from jaxcollapse.sweep.process_fields import fields

_OF_SEVERAL = ("zip", *DESIGNS, FROM_FILE)
_TABLES = ("process", "axes", "grid")


def unknown_key(word: str, known: Iterable[str], top: Iterable[str], table: str) -> str:
    """The message for a key that a table lacks, where the file has others at its top.

    Args:
        word: the key.
        known: the keys that the table has.
        top: the keys at the top of the file.
        table: the name of the table.
    """
    known, settings = list(known), _settings(top)
    if table == "process" and word.startswith("initial."):
        return f"unknown key; write it into the table, initial = {{ kind = …, {word.removeprefix('initial.')} = … }}"
    place = f"belongs at the top of the file, before [{table}]"
    if word in settings:
        return place
    near = nearest(word, [*known, *settings])
    if near in settings and near not in known:
        return f"unknown key (did you mean {near!r}? It {place})"
    return f"unknown key{did_you_mean(word, known)}"


def check_swept(name: str, spec: Any, top: Iterable[str], table: str = "axes") -> None:
    """Raises `InputError` if an axis, or a column of a zip or design, would sweep a key of the top of the file."""
    settings = _settings(top)
    several = next((form for form in _OF_SEVERAL if isinstance(spec, Mapping) and form in spec), None)
    if several is None:
        _check_field(f"{table}.{name}", name, settings)
    elif isinstance(spec[several], Mapping):
        if len(spec[several]) > MOST_COLUMNS:
            told = f"has {len(spec[several])} fields; at most {MOST_COLUMNS} are allowed"
            raise InputError(f"{table}.{name}.{several}", told)
        for field in spec[several]:
            _check_field(f"{table}.{name}.{several}.{field}", field_of(str(field)), settings)


def _check_field(key: str, field: str, settings: Collection[str]) -> None:
    if field in settings:
        instead = ": the replicates of a cell have random numbers of their own, so give more `replicates`"
        raise InputError(key, f"cannot be swept; it belongs at the top of the file{instead if field == 'seed' else ''}")
    if field not in fields() and (near := nearest(field, [*fields(), *settings])) in settings:
        raise InputError(
            key, f"unknown field (did you mean {near!r}? It cannot be swept; it belongs at the top of the file)"
        )


def _settings(top: Iterable[str]) -> list[str]:
    return [name for name in top if name not in _TABLES]
