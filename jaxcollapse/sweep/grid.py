"""The grid of cells: every combination of the axes' values, without a Python object for each.

A *column* is one field of `[process]` over all cells: its distinct values, and for each cell which of them it has.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from jaxcollapse.distributions.allowed_paths import KEY, readable, within
from jaxcollapse.distributions.distribution import InitialKind
from jaxcollapse.distributions.file import File
from jaxcollapse.errors import InputError, shown, together
from jaxcollapse.limits import MOST_INITIALS
from jaxcollapse.sweep.axes import Axis, hashable
from jaxcollapse.sweep.cell import Cell
from jaxcollapse.sweep.process_fields import INITIAL, fields, own_defaults, process_model
from jaxcollapse.sweep.validation import as_input_error
from jaxcollapse.system.paths import user_path


@dataclass(frozen=True)
class Column:
    """One field over all cells.

    Attributes:
        values: the distinct values.
        codes: for each cell, in C order over the axes, the index of its value.
    """

    values: list[Any]
    codes: np.ndarray

    def where(self, *wanted: Any) -> np.ndarray:
        """The cells that have one of these values."""
        return np.array([value in wanted for value in self.values])[self.codes]

    def numbers(self, missing: float = np.nan) -> np.ndarray:
        """The values as floating-point numbers; `missing` in place of None."""
        return np.array([missing if value is None else value for value in self.values], float)[self.codes]


class Grid:
    """The cells of a sweep.

    Args:
        constants: the validated constants of `[process]`; `initial` is a table.
        axes: the dimensions, in the order of the file.
        folder: the folder that relative paths start from, and that no path may leave. None is the working folder, from
            which paths may lead anywhere.
        wrong: the errors of fields that constants and axes lack since they are wrong. Their columns raise them.
    """

    def __init__(
        self,
        constants: Mapping[str, Any],
        axes: tuple[Axis, ...],
        folder: Path | None,
        wrong: Mapping[str, InputError] = MappingProxyType({}),
    ):
        self.axes = axes
        self.folder = folder
        self._initial_table = constants.get("initial", {"kind": INITIAL.default.kind})
        self.constants = {key: value for key, value in constants.items() if key != "initial"}
        self.wrong = wrong
        self._given_initial = ["initial"] if "initial" in constants else []
        self._axis_of = {field: (place, axis) for place, axis in enumerate(axes) for field in axis.fields}

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape, dtype=object))

    @property
    def given(self) -> list[str]:
        """The fields that the sweep names, as constants or axes; nested keys as `initial`."""
        names = [*self.constants, *self._given_initial, *self._axis_of]
        return list(dict.fromkeys(name.split(".")[0] for name in names))

    def key_of(self, field: str) -> str:
        """The dotted key of a field in the sweep file, for messages."""
        for name, (_, axis) in self._axis_of.items():
            if name.split(".")[0] == field:
                return f"axes.{axis.name}" if axis.name == name else f"axes.{axis.name}.zip.{name}"
        return f"process.{field}"

    def column(self, field: str) -> Column:
        """One field over all cells."""
        if field in self.wrong:
            raise self.wrong[field]
        if field == "initial":
            return self._initial
        if field in self._axis_of:
            place, axis = self._axis_of[field]
            return Column(axis.fields[field], self._codes(place))
        if field in self.constants:
            return Column([self.constants[field]], np.zeros(self.cells, np.int32))
        return self._defaults(field)

    def _defaults(self, field: str) -> Column:
        """A field that is not given: its default, or those of the parts that have another one."""
        values, codes = [fields()[field].default], np.zeros(self.cells, np.int32)
        for slot, part, default in own_defaults().get(field, ()):
            if (chosen := self.has(slot, part)).any():
                codes = np.where(chosen, np.int32(len(values)), codes)
                values.append(default)
        if len(values) == 1:
            return Column(values, codes)
        kept, places = np.unique(codes, return_inverse=True)
        return Column([values[place] for place in kept], places.reshape(-1).astype(np.int32))

    def has(self, field: str, *wanted: Any) -> np.ndarray:
        """The cells whose value of a field is one of these."""
        return self.column(field).where(*wanted)

    def numbers(self, field: str, missing: float = np.nan) -> np.ndarray:
        """One numeric field over all cells."""
        return self.column(field).numbers(missing)

    def tells(self, field: str, about: Callable[[Any], Any]) -> np.ndarray:
        """A function's value for each cell's value of a field."""
        column = self.column(field)
        return np.array([about(value) for value in column.values])[column.codes]

    def whole_cell(self, index: int) -> Cell:
        """All fields of one cell."""
        columns = {field: self.column(field) for field in fields()}
        return Cell({field: column.values[column.codes[index]] for field, column in columns.items()})

    def cell(self, index: int) -> dict[str, Any]:
        """The axes' values of one cell, by field."""
        places = np.unravel_index(index, self.shape) if self.axes else ()
        return {
            field: values[i] for axis, i in zip(self.axes, places, strict=True) for field, values in axis.fields.items()
        }

    @cached_property
    def _initial(self) -> Column:
        """Initial distributions: one for each combination of the axes that change them."""
        places = sorted({place for field, (place, _) in self._axis_of.items() if field.split(".")[0] == "initial"})
        lengths = [len(self.axes[place]) for place in places]
        if (number := prod(lengths)) > MOST_INITIALS:
            told = f"makes {number} initial distributions, with {' × '.join(self.axes[place].name for place in places)}"
            raise InputError(f"axes.{self.axes[places[0]].name}", f"{told}; at most {MOST_INITIALS} are allowed")
        values: list[InitialKind] = []
        known: dict[Any, int] = {}
        codes = np.zeros(lengths, np.int32)
        for combination in itertools.product(*map(range, lengths)):
            spec = self._initial_spec(dict(zip(places, combination, strict=True)))
            codes[combination] = known.setdefault(hashable(spec), len(values))
            if codes[combination] == len(values):
                values.append(spec)
        if not places:
            return Column(values, np.zeros(self.cells, np.int32))
        flat = np.ravel_multi_index([self._codes(place) for place in places], codes.shape)
        return Column(values, codes.reshape(-1)[flat])

    def _initial_spec(self, at: Mapping[int, int]) -> InitialKind:
        """The table of constants, overridden by the axes' values at these indices, validated."""
        table: dict[str, Any] = dict(self._initial_table)
        nested: set[str] = set()
        for field, (place, axis) in self._axis_of.items():
            first, *rest = field.split(".")
            if first != "initial":
                continue
            value = axis.fields[field][at[place]]
            if not rest:
                return self._located(value)
            nested.add(rest[0])
            if len(rest) == 2:
                constants = table.get(rest[0], {})
                if not isinstance(constants, Mapping):
                    raise InputError(f"process.initial.{rest[0]}", f"{shown(constants)}: must be a table")
                table[rest[0]] = {**constants, rest[1]: value}
            else:
                table[rest[0]] = value
        try:
            return self._located(validated_initial(table))
        except ValidationError as error:
            found = []
            for wrong in as_input_error(error, "initial", within=1).errors:
                leaf = wrong.key.split(".")[1].split("[")[0] if "." in wrong.key else ""
                table_name = "axes" if leaf in nested else "process"
                found.append(InputError(f"{table_name}.{wrong.key}", wrong.problem))
            raise together(found) from None

    def _located(self, spec: InitialKind) -> InitialKind:
        if isinstance(spec, File):
            path = user_path(spec.path, KEY) if self.folder is None else within(self.folder, spec.path)
            return spec.model_copy(update={"path": str(path)})
        return spec

    def _codes(self, place: int) -> np.ndarray:
        """Index along one axis, for each cell."""
        shape = [1] * len(self.axes)
        shape[place] = len(self.axes[place])
        return np.broadcast_to(np.arange(shape[place], dtype=np.int32).reshape(shape), self.shape).reshape(-1)

    def identities(self, seed: int, leave_out: frozenset[str] = frozenset()) -> np.ndarray:
        """A 64-bit number for each cell that depends on the seed and the values of its fields alone.

        It is the sum, modulo 2⁶⁴, of a hash of the seed and one of each field that differs from its default. So it is
        the same for a constant and for an axis of that value, and no other value of any axis can change it.
        leave_out: fields (also nested keys of `initial`) that it shall not depend on.
        """
        total = np.full(self.cells, stable_hash("seed", seed), np.uint64)
        for field, told_of in fields().items():
            if field in leave_out:
                continue
            column = self.column(field)
            default = _without(fingerprint(told_of.default), field, leave_out)
            told = [_without(fingerprint(value), field, leave_out) for value in column.values]
            hashes = [0 if value == default else stable_hash(field, value) for value in told]
            if any(hashes):
                total += np.array(hashes, np.uint64)[column.codes]
        return total


def grouped(codes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Cells that are alike in several whole numbers: the first cell of each group, and the group of each cell."""
    varied = [each for each in codes if (each != each[0]).any()]
    if not varied:
        return np.zeros(1, int), np.zeros(len(codes[0]), int)
    _, first, index = np.unique(np.stack(varied, axis=1), axis=0, return_index=True, return_inverse=True)
    return first, index.reshape(-1)


def validated_initial(table: Mapping[str, Any]) -> InitialKind:
    """The initial distribution that a table describes.

    Raises:
        ValidationError: it is not such a table, or not a whole one.
    """
    return process_model().model_validate({"initial": table}).initial  # type: ignore[attr-defined]


def fingerprint(value: Any) -> Any:
    """What of a value identifies it: numbers as floats, files by their content, tables without their defaults."""
    if isinstance(value, BaseModel):
        table = value.model_dump(exclude_defaults=True)
        table["kind"] = getattr(value, "kind", None)
        if isinstance(value, File):
            table["path"] = content_digest(value)
            table.pop("labels", None)  # names of tokens change no number
            if meaning := value.read_anew():
                table["values"] = meaning
        return {key: fingerprint(entry) for key, entry in sorted(table.items())}
    if isinstance(value, Mapping):
        return {key: fingerprint(entry) for key, entry in sorted(value.items())}
    if isinstance(value, list):
        return [fingerprint(entry) for entry in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value) + 0.0)  # -0.0 is 0.0
    return value


def content_digest(spec: InitialKind) -> str:
    """SHA-256 of the file that a distribution is read from."""
    path = spec.input_file()
    assert path is not None
    try:
        with readable(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError("process.initial.path", f"{shown(str(path))} cannot be read: {error.strerror}") from None


def _without(value: Any, field: str, leave_out: frozenset[str]) -> Any:
    """A fingerprint less the nested keys that are left out."""
    if not isinstance(value, dict):
        return value
    return {
        key: _without(entry, f"{field}.{key}", leave_out)
        for key, entry in value.items()
        if f"{field}.{key}" not in leave_out
    }


def stable_hash(name: str, value: Any) -> int:
    """64 bits of SHA-256 that follow from a name and a JSON value alone."""
    text = json.dumps([name, value], sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
