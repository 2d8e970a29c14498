"""The grid of cells, without a Python object for each: every combination of the axes' values, or some of them.

A *column* is one field of `[process]` over all cells: its distinct values, and for each cell which of them it has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import ValidationError

from jaxcollapse.distributions.allowed_paths import KEY, within
from jaxcollapse.distributions.distribution import InitialKind
from jaxcollapse.errors import InputError, shown, together
from jaxcollapse.limits import MOST_INITIALS
from jaxcollapse.sweep.axes import Axis, hashable, is_whole
from jaxcollapse.sweep.cell import Cell
from jaxcollapse.sweep.derived import Derived
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.identity import fingerprint, stable_hash, without
from jaxcollapse.sweep.process_fields import INITIAL, fields, has_effect, own_defaults, process_model
from jaxcollapse.sweep.validation import as_input_error, validate_field
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


@dataclass(frozen=True)
class Places:
    """Where cells are in the box that the axes span, if that is not one cell at each place.

    Attributes:
        codes: for each axis and cell the index of its value; −1 if the cell does not take its value from the axis.
        at: for each place of the box, in C order, the cell there; −1 if there is none.
        ignored: fields that have no effect on some cells, which are at several places therefore.
        apart: the grid before cells were found to be the same, and for each of its cells the cell that it is now.
    """

    codes: np.ndarray
    at: np.ndarray
    ignored: frozenset[str] = frozenset()
    apart: "tuple[Grid, np.ndarray] | None" = None


class Grid:
    """The cells of a sweep.

    Args:
        constants: the validated constants of `[process]`; `initial` is a table.
        axes: the dimensions, in the order of the file.
        folder: the folder that relative paths start from, and that no path may leave. None is the working folder, from
            which paths may lead anywhere.
        wrong: the errors of fields that constants and axes lack since they are wrong. Their columns raise them.
        derived: how fields follow from others.
        places: which cells there are, and where; None if there is one at each place.
    """

    def __init__(
        self,
        constants: Mapping[str, Any],
        axes: tuple[Axis, ...],
        folder: Path | None,
        wrong: Mapping[str, InputError] = MappingProxyType({}),
        derived: Mapping[str, Derived] = MappingProxyType({}),
        places: Places | None = None,
    ):
        self.axes = axes
        self.folder = folder
        self._initial_table = constants.get("initial", {"kind": INITIAL.default.kind})
        self.constants = {key: value for key, value in constants.items() if key != "initial"}
        self.wrong = wrong
        self.derived = {**derived, **{name: how for axis in axes for name, how in axis.derived.items()}}
        self.places = places
        self._given_initial = ["initial"] if "initial" in constants else []
        self._axis_of = {field: (place, axis) for place, axis in enumerate(axes) for field in axis.fields}
        self._followed: dict[str, Column] = {}

    def placed(self, axes: tuple[Axis, ...], places: Places) -> "Grid":
        """A grid of the same process with other cells."""
        initial = {"initial": self._initial_table} if self._given_initial else {}
        return Grid({**self.constants, **initial}, axes, self.folder, self.wrong, self.derived, places)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of places in the box that the axes span."""
        return prod(self.shape)

    @cached_property
    def cells(self) -> int:
        """Number of cells: different processes, each computed once."""
        return self.size if self.places is None else self.places.codes.shape[1]

    @property
    def first_places(self) -> np.ndarray:
        """For each cell, its first place in the box that the axes span, int64 [cell]."""
        if self.places is None:
            return np.arange(self.cells)
        there = np.flatnonzero(self.places.at >= 0)[::-1]
        first = np.zeros(self.cells, np.int64)
        first[self.places.at[there]] = there
        return first

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that have no effect on some cells, which are at several places therefore."""
        return frozenset() if self.places is None else self.places.ignored

    def at_places(self, values: np.ndarray, missing: Any) -> np.ndarray:
        """Values of cells, at each place of the box that the axes span.

        Args:
            values: for each cell, its value.
            missing: the value of a place without a cell.
        """
        if self.places is None:
            return values
        found = values[self.places.at]
        found[self.places.at < 0] = missing
        return found

    @property
    def given(self) -> list[str]:
        """The fields that the sweep names, as constants or axes; nested keys as `initial`."""
        names = [*self.constants, *self._given_initial, *self._axis_of, *self.derived]
        return [name for name in dict.fromkeys(name.split(".")[0] for name in names) if name in fields()]

    def key_of(self, field: str) -> str:
        """The dotted key of a field in the sweep file, for messages."""
        for name, (_, axis) in self._axis_of.items():
            if name.split(".")[0] == field:
                return axis.key_of(name)
        return next((axis.key for axis in self.axes if field in axis.derived), f"process.{field}")

    def column(self, field: str) -> Column:
        """One field over all cells."""
        if field in self.wrong:
            raise self.wrong[field]
        if field == "initial":
            return self._initial
        if field in self.derived:
            if field not in self._followed:
                self._followed[field] = self._follows(field)
            return self._followed[field]
        if field not in self._axis_of:
            return self.elsewhere(field)
        place, axis = self._axis_of[field]
        codes, values = self._codes(place), axis.fields[field]
        if self.places is None or not (codes < 0).any():
            return Column(values, codes)
        others = self.elsewhere(field) if field in fields() else Column([None], np.zeros(self.cells, np.int32))
        return Column([*values, *others.values], np.where(codes < 0, len(values) + others.codes, codes))

    def elsewhere(self, field: str) -> Column:
        """The values that a field has where no axis sweeps it: a constant, or its default."""
        if field in self.constants:
            return Column([self.constants[field]], np.zeros(self.cells, np.int32))
        return self._defaults(field)

    def _follows(self, field: str) -> Column:
        """A field that follows from others."""
        how, key = self.derived[field], self.key_of(field)

        def known(name: str) -> np.ndarray:
            if name.startswith("initial.") and name not in self._axis_of:
                raise InputError(key, f"follows from {name}, which must be an axis")
            try:
                return self.numbers(name)
            except (TypeError, ValueError):
                raise InputError(key, f"follows from {name}, which is not a number") from None

        numbers = np.broadcast_to(how.numbers(known), (self.cells,))
        for place, axis in enumerate(self.axes):
            if field in axis.derived and (lacking := self._codes(place) < 0).any():
                numbers = np.where(lacking, self.elsewhere(field).numbers(), numbers)
        if (unknown := np.isnan(numbers)).any():
            told = ", ".join(f"{name} = {label(entry)}" for name, entry in self.cell(int(np.argmax(unknown))).items())
            raise InputError(key, f"{how} is not a number{f' where {told}' if told else ''}")
        rounded = [whole_or_rounded(field, value) for value in np.unique(numbers).tolist()]
        values = dict.fromkeys(rounded)
        for value in values:
            try:
                values[value] = validate_field(key, field, value)
            except InputError as error:
                raise InputError(key, f"{how} gives {error.problem}") from None
        places = {value: place for place, value in enumerate(values)}
        each = np.array([places[value] for value in rounded], np.int32)
        return Column(list(values.values()), each[np.unique(numbers, return_inverse=True)[1].reshape(-1)])

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
        """All fields of one cell. Those that differ between its places, and have no effect, have their defaults."""
        columns = {field: self.column(field) for field in fields()}
        whole = Cell({field: column.values[column.codes[index]] for field, column in columns.items()})
        unread = [name for name in self.ignored if not has_effect(name, whole)]
        return whole if not unread else Cell({**whole, **{name: self._default(name, whole) for name in unread}})

    @staticmethod
    def _default(field: str, cell: Cell) -> Any:
        own = {part: default for slot, part, default in own_defaults().get(field, ()) if cell[slot] == part}
        return next(iter(own.values()), fields()[field].default)

    def reads(self, field: str) -> np.ndarray:
        """The cells in which a field has an effect."""
        return np.broadcast_to(np.asarray(has_effect(field, self)), (self.cells,))

    def cell(self, index: int) -> dict[str, Any]:
        """The axes' values of one cell, by field."""
        if self.places is None:
            places = np.unravel_index(index, self.shape) if self.axes else ()
        else:
            places = tuple(self.places.codes[:, index].tolist())
        return {
            field: values[i]
            for axis, i in zip(self.axes, places, strict=True)
            if i >= 0
            for field, values in axis.fields.items()
        }

    @cached_property
    def _initial(self) -> Column:
        """Initial distributions: one for each combination of the axes that change them."""
        places = sorted({place for field, (place, _) in self._axis_of.items() if field.split(".")[0] == "initial"})
        lengths = [len(self.axes[place]) for place in places]
        if self.places is None and (number := prod(lengths)) > MOST_INITIALS:
            told = f"makes {number} initial distributions, with {' × '.join(self.axes[place].name for place in places)}"
            raise InputError(self.axes[places[0]].key, f"{told}; at most {MOST_INITIALS} are allowed")
        if not places:
            return Column([self._initial_spec({})], np.zeros(self.cells, np.int32))
        codes = [self._codes(place) for place in places]
        first, which = grouped(codes)
        if len(first) > MOST_INITIALS:
            told = f"makes {len(first)} initial distributions; at most {MOST_INITIALS} are allowed"
            raise InputError(self.axes[places[0]].key, told)
        known: dict[Any, int] = {}
        values: list[InitialKind] = []
        kinds = np.zeros(len(first), np.int32)
        for kind, cell in enumerate(first.tolist()):
            spec = self._initial_spec({place: int(each[cell]) for place, each in zip(places, codes, strict=True)})
            kinds[kind] = known.setdefault(hashable(spec), len(values))
            if kinds[kind] == len(values):
                values.append(spec)
        return Column(values, kinds[which])

    def _initial_spec(self, at: Mapping[int, int]) -> InitialKind:
        """The table of constants, overridden by the axes' values at these indices, validated."""
        table: dict[str, Any] = dict(self._initial_table)
        nested: set[str] = set()
        for field, (place, axis) in self._axis_of.items():
            first, *rest = field.split(".")
            if first != "initial" or at[place] < 0:
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
        if not spec.paths:
            return spec
        folder = self.folder
        return spec.at(*(str(user_path(path, KEY) if folder is None else within(folder, path)) for path in spec.paths))

    @property
    def codes(self) -> np.ndarray:
        """For each axis and cell the index of its value, int32 [axis, cell]; −1 if it takes none from the axis."""
        if self.places is not None:
            return self.places.codes
        return np.array([self._codes(place) for place in range(len(self.axes))], np.int32).reshape(-1, self.cells)

    def _codes(self, place: int) -> np.ndarray:
        """Index along one axis, for each cell."""
        if self.places is not None:
            codes: np.ndarray = self.places.codes[place]
            return codes
        shape = [1] * len(self.axes)
        shape[place] = len(self.axes[place])
        return np.broadcast_to(np.arange(shape[place], dtype=np.int32).reshape(shape), self.shape).reshape(-1)

    def identities(self, seed: int, leave_out: frozenset[str] = frozenset()) -> np.ndarray:
        """A 64-bit number for each cell that depends on the seed and the values of its fields alone.

        It is the sum, modulo 2⁶⁴, of a hash of the seed and one of each field that differs from its default. So it is
        the same for a constant and for an axis of that value, and no other value of any axis can change it. A field
        that has no effect on a cell, and different values at its places, does not count.
        leave_out: fields (also nested keys of `initial`) that it shall not depend on.
        """
        total = np.full(self.cells, stable_hash("seed", seed), np.uint64)
        for field, told_of in fields().items():
            if field in leave_out:
                continue
            column = self.column(field)
            default = without(fingerprint(told_of.default), field, leave_out)
            told = [without(fingerprint(value), field, leave_out) for value in column.values]
            hashes = [0 if value == default else stable_hash(field, value) for value in told]
            if any(hashes):
                each = np.array(hashes, np.uint64)[column.codes]
                total += each if field not in self.ignored else np.where(self.reads(field), each, np.uint64(0))
        return total

    def known_as(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """All identities that results of cells may have, and the cell of each: also those that cells had before they
        were found to be the same.
        """
        identities, cells = self.identities(seed), np.arange(self.cells)
        if self.places is None or self.places.apart is None:
            return identities, cells
        apart, cell = self.places.apart
        return np.concatenate([identities, apart.identities(seed)]), np.concatenate([cells, cell])


def whole_or_rounded(field: str, value: float) -> int | float:
    """A computed value of a field: a whole number if the field has whole numbers, else with twelve digits."""
    if not np.isfinite(value):
        return value
    return round(value) if is_whole(field) else float(f"{value:.12g}")


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
