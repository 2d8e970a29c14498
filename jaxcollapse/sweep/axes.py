"""Axes: each key of `[axes]`, or of a `[[grid]]`, becomes a dimension of the dataset."""

import dataclasses
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from jaxcollapse.distributions import KINDS
from jaxcollapse.errors import Faults, InputError, did_you_mean, nearest, shown
from jaxcollapse.limits import MOST_COLUMNS, MOST_VALUES
from jaxcollapse.parts.field_types import WHOLE, Count
from jaxcollapse.sweep.derived import Derived, dimension_of, is_derived, parse_derived
from jaxcollapse.sweep.designs import columns_of, is_design, scattered
from jaxcollapse.sweep.misplaced_keys import check_swept
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.sweep.validation import FORMS, validate_field

_FARTHEST = 1e300  # ends of a range are within ± this, so that their difference is a number too
RESERVED = (  # names that datasets, and what is told of them, have for something else
    *("replicate", "generation", "token", "context", "persona", "k", "status", "logits"),
    *("sample", "place", "text", "source", "source_label", "source_recall"),
    *("token_label", "context_label", "persona_label"),
    *("bound", "outcome", "line", "abscissa"),
    *("counted", "missing", "diverged", "verdict", "share", "agreement", "confidence"),
    *("survival", "median_time", "restricted_mean_time", "happened", "censored"),
    *("is_cell", "is_repeated", "replicates", "term", "axis", "points"),
    *("estimate", "lower", "upper", "crossings", "certain", "side", "direction"),
)
_LONGEST_NAME = 255  # bytes of UTF-8
POINTS = "points"  # the key of a `[[grid]]` that lists single points


@dataclass(frozen=True)
class Axis:
    """An axis of a sweep: one dimension of the dataset.

    Attributes:
        name: name of the dimension.
        fields: for each dotted key of `[process]` that varies along it, its values.
        where: the values that other fields must have for a cell to take its value from this axis, by field.
        derived: the fields that follow from its values and from other fields.
        key: the dotted key in the sweep file, for messages.
        table: the dotted key of the table that has the values of each field; empty where there is one field.
        joins: whether its fields are dimensions of their own, in which its values are points.
    """

    name: str
    fields: dict[str, list[Any]]
    where: dict[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    derived: dict[str, Derived] = dataclasses.field(default_factory=dict)
    key: str = ""
    table: str = ""
    joins: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.fields.values())))

    def key_of(self, column: str) -> str:
        """The dotted key of one of its fields in the sweep file, for messages."""
        return f"{self.table}.{column}" if self.table and column in self.fields else self.key


def parse_axes(
    axes: Mapping[str, Any], top: Iterable[str], faults: Faults, table: str = "axes", folder: Path | None = None
) -> tuple[Axis, ...]:
    """The axes of a sweep, without those that are wrong.

    Args:
        axes: the table `[axes]`, or one `[[grid]]`.
        top: the keys at the top of a sweep file.
        faults: takes the errors.
        table: the name of the table, for messages.
        folder: where relative paths start, and what none may leave; None is the working folder.
    """
    made: list[Axis] = []
    for name, spec in axes.items():
        with faults.collected(*_fields_of(name, spec)):
            if name != POINTS or table == "axes":
                check_swept(name, spec, top, table)
            made.append(parse_axis(name, spec, table, folder))
    return tuple(made)


def _fields_of(name: str, spec: Any) -> Iterator[str]:
    """The fields that an axis sweeps; for unknown ones, those that they may have been meant to be."""
    columns: Any = spec["zip"] if isinstance(spec, Mapping) and "zip" in spec else (name,)
    if is_design(spec):
        columns = columns_of(spec)
    for column in islice(columns, MOST_COLUMNS) if isinstance(columns, Mapping | tuple) else ():
        first = str(column).split(".")[0]
        yield first if first in fields() else nearest(first, fields()) or first


def parse_axis(name: str, spec: Any, table: str = "axes", folder: Path | None = None) -> Axis:
    """An axis from the value of its key.

    That is a list; or a table with `values`, `linspace` or `geomspace`, with `zip`, with a design, or with what a field
    follows from; and maybe with `where`.

    Args:
        name: the key.
        spec: its value.
        table: the name of the table, for messages.
        folder: where relative paths start, and what none may leave; None is the working folder.
    """
    key, name = f"{table}.{name}", composed(name)
    where: dict[str, tuple[Any, ...]] = {}
    if isinstance(spec, Mapping) and "where" in spec:
        where = _conditions(f"{key}.where", spec["where"])
        spec = {form: value for form, value in spec.items() if form != "where"}
    if name == POINTS and table != "axes":
        columns = _columns(key, spec)
        return Axis(name, columns, where, key=key, table=key, joins=True)
    if isinstance(spec, Mapping) and "zip" in spec:
        _only_key(key, spec)
        _check_dimension(key, name, "zip")
        return Axis(name, _columns(f"{key}.zip", spec["zip"]), where, key=key, table=f"{key}.zip")
    if is_design(spec):
        _check_dimension(key, name, "design")
        return Axis(name, _scattered(key, spec, folder), where, key=key, table=key)
    _check_field(key, name)
    _check_length(key, name)
    if is_derived(spec):
        return _followed(key, name, spec, where)
    return Axis(name, {name: _values(key, name, spec)}, where, key=key)


def _followed(key: str, field: str, spec: Mapping[str, Any], where: dict[str, tuple[Any, ...]]) -> Axis:
    """An axis of the numbers from which a field follows, with other fields."""
    factors = spec.get("by")
    if not isinstance(factors, list | tuple | np.ndarray) and not (
        isinstance(factors, Mapping) and not factors.keys().isdisjoint(("linspace", "geomspace"))
    ):
        raise InputError(f"{key}.by", f"{shown(factors)}: an axis needs a list; for one number write it in [process]")
    derived = parse_derived(key, field, {**spec, "by": 1.0})
    name = dimension_of(field, derived)
    _check_length(key, name)
    derived = parse_derived(key, field, {**spec, "by": 1.0}, by=name)
    values = [float(value) for value in _numbers(f"{key}.by", factors)]
    return Axis(name, {name: values}, where, {field: derived}, key)


def _numbers(key: str, spec: Any) -> list[Any]:
    """Finite numbers along an axis of factors or summands."""
    if isinstance(spec, Mapping):
        _only_key(key, spec)
        form, arguments = next(iter(spec.items()))
        return _spaced(f"{key}.{form}", form, arguments, whole=False)
    values = list(spec)
    for index, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _FARTHEST:
            raise InputError(f"{key}[{index}]", f"{shown(value)}: must be a finite number")
    if not values:
        raise InputError(key, "is empty; give at least one value")
    _check_distinct(key, values)
    return values


def _conditions(key: str, spec: Any) -> dict[str, tuple[Any, ...]]:
    """The values that other fields must have."""
    if not isinstance(spec, Mapping) or not spec:
        raise InputError(key, f'{shown(spec)}: must be a table of fields, as in where = {{ optimizer = "adam" }}')
    found: dict[str, tuple[Any, ...]] = {}
    for field, values in spec.items():
        _check_field(f"{key}.{field}", field)
        if field == "initial" or "." in field:
            raise InputError(f"{key}.{field}", "a condition cannot be on the initial distribution")
        listed = list(values) if isinstance(values, list | tuple) else [values]
        if not listed:
            raise InputError(f"{key}.{field}", "is empty; give at least one value")
        found[field] = tuple(validate_field(f"{key}.{field}", field, value) for value in listed)
    return found


def composed(name: str) -> str:
    """A name with each letter and its accents in one piece, as netCDF stores names; keyboards and files differ."""
    return unicodedata.normalize("NFC", name)


def _check_length(key: str, name: str) -> None:
    """Raises where a netCDF file could not have a dimension of this name."""
    if (length := len(name.encode())) > _LONGEST_NAME:
        raise InputError(key, f"a name of {length} bytes; at most {_LONGEST_NAME} are allowed")


def _check_dimension(key: str, name: str, what: str) -> None:
    """Raises unless a dimension along which several fields vary can have this name."""
    if name in RESERVED:
        raise InputError(key, f"a {what} cannot use a reserved name; choose another name for its dimension")
    if name in fields() or name.startswith("initial."):
        raise InputError(key, f"a {what} cannot use the name of a field; choose another name for its dimension")
    if not name.isidentifier():
        raise InputError(key, f"the name of a {what} must be a plain word")
    _check_length(key, name)


def _columns(key: str, columns: Any) -> dict[str, list[Any]]:
    """Lists of one length, one for each field."""
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
    return made


def _scattered(key: str, spec: Mapping[str, Any], folder: Path | None) -> dict[str, list[Any]]:
    """The points of a design, as the columns of a zip."""
    for column in columns_of(spec):
        _check_field(f"{key}.{column}", column)
    made = scattered(key, spec, is_whole, folder)
    for field, values in made.items():
        _check_field(f"{key}.{field}", field)
        made[field] = [validate_field(f"{key}.{field}", field, value) for value in values]
    return made


def _values(key: str, field: str, spec: Any, *, distinct: bool = True) -> list[Any]:
    if isinstance(spec, np.ndarray):
        spec = spec.tolist()
    if isinstance(spec, Mapping):
        _only_key(key, spec)
        form, arguments = next(iter(spec.items()))
        if form == "values":
            return _values(f"{key}.{form}", field, arguments, distinct=distinct)
        values = _spaced(f"{key}.{form}", form, arguments, whole=is_whole(field))
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


def is_whole(field: str) -> bool:
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
        if key.endswith(".initial") and form not in FORMS:
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
