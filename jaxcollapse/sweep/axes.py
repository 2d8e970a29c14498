"""Axes: each key of `[axes]` becomes a dimension of the dataset."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from pydantic import BaseModel

from jaxcollapse.distributions import KINDS
from jaxcollapse.errors import Faults, InputError, did_you_mean, nearest, shown
from jaxcollapse.limits import MOST_COLUMNS, MOST_VALUES
from jaxcollapse.parts.field_types import WHOLE, Count
from jaxcollapse.sweep.misplaced_keys import check_swept
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.sweep.validation import FORMS, validate_field

_FARTHEST = 1e300  # ends of a range are within ± this, so that their difference is a number too
RESERVED = (  # names that datasets, and what is told of them, have for something else
    *("replicate", "generation", "token", "context", "persona", "k", "status", "logits"),
    *("token_label", "context_label", "persona_label"),
    *("bound", "outcome", "line", "abscissa"),
    *("counted", "missing", "diverged", "verdict", "share", "agreement", "confidence"),
    *("survival", "median_time", "restricted_mean_time", "happened", "censored"),
)
_LONGEST_NAME = 255  # bytes of UTF-8


@dataclass(frozen=True)
class Axis:
    """An axis of a sweep: one dimension of the dataset.

    Attributes:
        name: name of the dimension.
        fields: for each dotted key of `[process]` that varies along it, its values.
    """

    name: str
    fields: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.fields.values())))


def parse_axes(axes: Mapping[str, Any], top: Iterable[str], faults: Faults) -> tuple[Axis, ...]:
    """The axes of a sweep, without those that are wrong.

    Args:
        axes: the table `[axes]`.
        top: the keys at the top of a sweep file.
        faults: takes the errors.
    """
    made: list[Axis] = []
    for name, spec in axes.items():
        with faults.collected(*_fields_of(name, spec)):
            check_swept(name, spec, top)
            made.append(parse_axis(name, spec))
    return tuple(made)


def _fields_of(name: str, spec: Any) -> Iterator[str]:
    """The fields that an axis sweeps; for unknown ones, those that they may have been meant to be."""
    columns = spec["zip"] if isinstance(spec, Mapping) and "zip" in spec else (name,)
    for column in islice(columns, MOST_COLUMNS) if isinstance(columns, Mapping | tuple) else ():
        first = str(column).split(".")[0]
        yield first if first in fields() else nearest(first, fields()) or first


def parse_axis(name: str, spec: Any) -> Axis:
    """An axis from the value of its key: a list, or a table with `linspace`, `geomspace` or `zip`."""
    key, name = f"axes.{name}", composed(name)
    if isinstance(spec, Mapping) and "zip" in spec:
        _only_key(key, spec)
        return _zipped(name, spec["zip"])
    _check_field(key, name)
    _check_length(name)
    return Axis(name, {name: _values(key, name, spec)})


def composed(name: str) -> str:
    """A name with each letter and its accents in one piece, as netCDF stores names; keyboards and files differ."""
    return unicodedata.normalize("NFC", name)


def _check_length(name: str) -> None:
    """Raises where a netCDF file could not have a dimension of this name."""
    if (length := len(name.encode())) > _LONGEST_NAME:
        raise InputError(f"axes.{name}", f"a name of {length} bytes; at most {_LONGEST_NAME} are allowed")


def _zipped(name: str, columns: Any) -> Axis:
    key = f"axes.{name}.zip"
    if name in RESERVED:
        raise InputError(f"axes.{name}", "a zip cannot use a reserved name; choose another name for its dimension")
    if name in fields() or name.startswith("initial."):
        raise InputError(f"axes.{name}", "a zip cannot use the name of a field; choose another name for its dimension")
    if not name.isidentifier():
        raise InputError(f"axes.{name}", "the name of a zip must be a plain word")
    _check_length(name)
    if not isinstance(columns, Mapping) or not columns:
        raise InputError(key, "must be a table with a list of values for each field")
    made: dict[str, list[Any]] = {}
    for field, spec in columns.items():
        _check_field(f"{key}.{field}", field)
        made[field] = _values(f"{key}.{field}", field, spec, distinct=False)
    lengths = {field: len(values) for field, values in made.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{field} has {length}" for field, length in lengths.items())
        raise InputError(key, f"its lists must have one length, but {told} values")
    _check_distinct(key, list(zip(*made.values(), strict=True)))
    return Axis(name, made)


def _values(key: str, field: str, spec: Any, *, distinct: bool = True) -> list[Any]:
    if isinstance(spec, np.ndarray):
        spec = spec.tolist()
    if isinstance(spec, Mapping):
        _only_key(key, spec)
        form, arguments = next(iter(spec.items()))
        values = _spaced(f"{key}.{form}", form, arguments, whole=_is_whole(field))
    elif isinstance(spec, list | tuple):
        values = list(spec)
    else:
        raise InputError(
            key, f"{shown(spec)}: must be a list of values, or a table with {', '.join(FORMS[:-1])} or {FORMS[-1]}"
        )
    if not values:
        raise InputError(key, "is empty; give at least one value")
    if len(values) > MOST_VALUES:
        raise InputError(key, f"has {len(values)} values; at most {MOST_VALUES} are allowed")
    if None in values:
        raise InputError(f"{key}[{values.index(None)}]", "None is not a value")
    values = [validate_field(f"{key}[{index}]", field, value) for index, value in enumerate(values)]
    if distinct:
        _check_distinct(key, values)
    return values


def _is_whole(field: str) -> bool:
    """Whether values are whole numbers, which a range is rounded to."""
    return field == "initial.top" or (field in fields() and fields()[field].type in (*WHOLE, Count | None))


def _check_distinct(key: str, values: list[Any]) -> None:
    seen: set[Any] = set()
    for index, value in enumerate(values):
        if (known := hashable(value)) in seen:
            raise InputError(f"{key}[{index}]", f"{shown(value)} occurs twice")
        seen.add(known)


def hashable(value: Any) -> Any:
    """What is equal where values are, and has a hash, which lists and tables lack."""
    if isinstance(value, BaseModel):
        return hashable(value.model_dump())
    if isinstance(value, Mapping):
        return tuple(sorted((key, hashable(entry)) for key, entry in value.items()))
    return tuple(map(hashable, value)) if isinstance(value, list | tuple) else value


def _spaced(key: str, form: str, arguments: Any, *, whole: bool) -> list[Any]:
    if not isinstance(arguments, list | tuple) or len(arguments) != 3:
        raise InputError(key, f"{shown(arguments)}: must be [first, last, number of values]")
    first, last, number = arguments
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_VALUES:
        raise InputError(key, f"{shown(number)}: the number of values must be a whole number from 1 to {MOST_VALUES}")
    for end in (first, last):
        if isinstance(end, bool) or not isinstance(end, int | float) or not abs(end) <= _FARTHEST:
            raise InputError(key, f"{shown(end)}: the ends must be finite numbers; write inf in a list of values")
        if form == "geomspace" and end <= 0:
            raise InputError(key, f"{end!r}: the ends must be > 0")
    spaced = np.linspace(first, last, number) if form == "linspace" else np.geomspace(first, last, number)
    if whole:
        return sorted({round(value) for value in spaced.tolist()}, reverse=first > last)
    # Twelve digits: 0.9 is 0.9, whatever the ends of the range, so that a later, finer axis finds the same cells.
    return [float(f"{value:.12g}") for value in spaced.tolist()]


def _only_key(key: str, spec: Mapping[str, Any]) -> None:
    for form in spec:
        if key == "axes.initial" and form not in FORMS:
            inner = next(iter(spec[form]), "…") if isinstance(spec[form], Mapping) else ""
            name = f"initial.{form}.{inner}" if inner else f"initial.{form}"
            raise InputError(f"{key}.{form}", f'write the key in quotes, "{name}" = …')
        if form not in FORMS:
            raise InputError(f"{key}.{form}", f"unknown form{did_you_mean(str(form), FORMS)}")
    if len(spec) != 1:
        raise InputError(key, f"give exactly one of {', '.join(FORMS)}, not {len(spec)}")


def _check_field(key: str, field: str) -> None:
    first, *rest = field.split(".")
    if first not in fields():
        raise InputError(key, f"unknown field{did_you_mean(first, fields())}")
    if rest and first != "initial":
        raise InputError(key, f"{first} has no nested keys")
    if rest:
        known = {name for kind in KINDS.values() for name in kind.model_fields}
        if rest[0] not in known:
            raise InputError(key, f"unknown key of initial{did_you_mean(rest[0], known)}")
        if len(rest) > (2 if rest[0] == "select" else 1):
            raise InputError(key, f"initial.{rest[0]} has no key {'.'.join(rest[1:])!r}")
