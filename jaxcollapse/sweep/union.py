"""From `[axes]` and each `[[grid]]` to one grid: which cells there are, and where in the box that all axes span.

A cell takes from an axis the value that its own table gives it. If the table lacks the axis, or the axis's `where` does
not hold, the field has its constant or default there: the cell is at that value of the axis, which is added if need be.
If the field has no effect on the cell, the cell is at every value. Cells that are alike in all that has an effect on
them are one cell, at several places.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from jaxcollapse.distributions.distribution import InitialKind
from jaxcollapse.errors import InputError
from jaxcollapse.limits import MOST_CELLS
from jaxcollapse.sweep.axes import Axis, hashable
from jaxcollapse.sweep.derived import Derived
from jaxcollapse.sweep.display import conditions_of, label
from jaxcollapse.sweep.grid import Grid, Places, grouped

Table = Sequence[Axis]


def spanned(tables: Sequence[Table]) -> tuple[Axis, ...]:
    """The axes of a grid that has the cells of several tables: each with the values of all tables.

    Raises:
        InputError: two tables have different fields along one dimension, or a field along two.
    """
    found: dict[str, Axis] = {}
    for axis in (each for table in tables for own in table for each in _dimensions(own)):
        if axis.name not in found:
            found[axis.name] = axis
            continue
        known = found[axis.name]
        if set(known.fields) != set(axis.fields) or known.derived != axis.derived:
            raise InputError(axis.key, f"has other fields along {axis.name} than {known.key}")
        found[axis.name] = _with(known, zip(*(axis.fields[field] for field in known.fields), strict=True))
    _check_once(found.values())
    return tuple(found.values())


def _dimensions(axis: Axis) -> Iterator[Axis]:
    """An axis, or the axes that single points are in."""
    if not axis.joins:
        yield axis
        return
    for field, values in axis.fields.items():
        distinct = {hashable(value): value for value in values}
        yield Axis(field, {field: list(distinct.values())}, key=axis.key_of(field))


def _with(axis: Axis, others: Iterable[tuple[Any, ...]]) -> Axis:
    """An axis with further values. Numbers are then in order, falling if the axis's own are."""
    own = list(zip(*axis.fields.values(), strict=True))
    known = {hashable(list(value)): value for value in own}
    known |= {name: value for value in others if (name := hashable(list(value))) not in known}
    values = list(known.values())
    if len(values) > len(own) and len(axis.fields) == 1 and all(map(_is_number, (value for (value,) in values))):
        falls = len(own) > 1 and own[0] > own[-1]
        values.sort(reverse=falls)
    fields = dict(zip(axis.fields, map(list, zip(*values, strict=True)), strict=True))
    return Axis(axis.name, fields, axis.where, axis.derived, axis.key, axis.table)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_once(axes: Iterable[Axis]) -> None:
    """Raises if a field is swept along two dimensions."""
    seen: dict[str, Axis] = {}
    for axis in axes:
        for field in (*axis.fields, *axis.derived):
            if field in seen:
                raise InputError(axis.key_of(field), f"{field} is swept by {seen[field].key} already")
            seen[field] = axis


def grid_of(
    constants: Mapping[str, Any],
    tables: Sequence[Table],
    folder: Path | None,
    wrong: Mapping[str, InputError],
    derived: Mapping[str, Derived],
) -> Grid:
    """The grid of the cells of all tables. In it, cells that are alike in all that they read are one.

    Args:
        constants: the validated constants of `[process]`.
        tables: the axes of `[axes]`, and of each `[[grid]]`.
        folder: the folder that relative paths start from, and that no path may leave.
        wrong: the errors of fields that are wrong.
        derived: how fields of `[process]` follow from others.

    Raises:
        InputError: the tables contradict each other, or have no cells.
    """
    axes = spanned(tables)
    whole = Grid(constants, axes, folder, wrong, derived)
    is_product = len(tables) == 1 and not any(axis.joins or axis.where for axis in tables[0])
    if wrong:
        return whole
    if is_product:
        return _merged(whole)
    codes = _conditional(whole, [_codes(table, axes) for table in tables], tables)
    axes, codes = _elsewhere(whole.placed(axes, _unplaced(codes)), codes)
    if (size := prod(len(axis) for axis in axes)) > MOST_CELLS:
        raise InputError("axes", f"the grid spans {size:,} cells; at most {MOST_CELLS:,} are allowed")
    return _merged(whole.placed(axes, _unplaced(codes)))


def _unplaced(codes: np.ndarray) -> Places:
    return Places(codes, np.zeros(0, np.int32))


def _codes(table: Table, axes: tuple[Axis, ...]) -> np.ndarray:
    """For each axis of the grid and each cell of a table, the index of the cell's value; −1 if the table lacks it."""
    lengths = [len(axis) for axis in table]
    cells = prod(lengths)
    codes = np.full((len(axes), cells), -1, np.int32)
    along = np.unravel_index(np.arange(cells), lengths) if lengths else ()
    for own, place in zip(table, along, strict=True):
        for number, axis in enumerate(axes):
            if axis.name == own.name or (own.joins and axis.name in own.fields):
                codes[number] = _indices(axis, own)[place]
    return codes


def _indices(axis: Axis, own: Axis) -> np.ndarray:
    """The index of each value of a table's axis among those of the grid's."""
    known = {hashable(list(value)): place for place, value in enumerate(zip(*axis.fields.values(), strict=True))}
    values = zip(*(own.fields[field] for field in axis.fields), strict=True)
    return np.array([known[hashable(list(value))] for value in values], np.int32)


def _conditional(whole: Grid, codes: list[np.ndarray], tables: Sequence[Table]) -> np.ndarray:
    """The codes of all tables' cells, without the values of axes whose conditions do not hold; each cell once."""
    for table, each in zip(tables, codes, strict=True):
        for axis in _in_order(table):
            cells = whole.placed(whole.axes, _unplaced(each))
            holds = np.ones(each.shape[1], bool)
            for field, values in axis.where.items():
                holds &= cells.has(field, *values)
            if not holds.any():
                raise InputError(f"{axis.key}.where", f"no cell has {conditions_of(axis)}")
            for number, other in enumerate(whole.axes):
                if other.name == axis.name or (axis.joins and other.name in axis.fields):
                    each[number, ~holds] = -1
    return np.unique(np.concatenate(codes, axis=1), axis=1)


def _in_order(table: Table) -> list[Axis]:
    """The axes that have conditions: none before those that its conditions are about."""
    waiting, made = [axis for axis in table if axis.where], list[Axis]()
    while waiting:
        later = {field for axis in waiting for field in axis.fields}
        ready = [axis for axis in waiting if later.isdisjoint(axis.where)]
        if not ready:
            raise InputError(f"{waiting[0].key}.where", "depends on itself, through the conditions of other axes")
        made, waiting = made + ready, [axis for axis in waiting if axis not in ready]
    return made


def _elsewhere(cells: Grid, codes: np.ndarray) -> tuple[tuple[Axis, ...], np.ndarray]:
    """The axes with the values of cells that do not take theirs from the axis, and all cells' codes."""
    axes, made = list(cells.axes), codes.copy()
    for number, axis in enumerate(cells.axes):
        lacking = codes[number] < 0
        if not lacking.any():
            continue
        read = _reads(cells, axis) & lacking
        if not read.any():
            continue
        if axis.derived:
            told = (
                "follows from other fields along this axis only; give every table with cells that use it the same axis"
            )
            raise InputError(axis.key, f"{next(iter(axis.derived))} {told}")
        columns = [_column(cells, field) for field in axis.fields]
        first, which = grouped([codes_of[read] for _, codes_of in columns])
        where = np.flatnonzero(read)
        values = [tuple(entries[codes_of[where[cell]]] for entries, codes_of in columns) for cell in first.tolist()]
        if any(entry is None for value in values for entry in value):
            field = next(field for field, entry in zip(axis.fields, values[0], strict=True) if entry is None)
            raise InputError(axis.key, f"{field} has no value where this axis does not apply; give it one in [process]")
        axes[number] = _with(axis, values)
        made[number] = np.where(lacking, -1, _indices(axes[number], axis)[np.maximum(codes[number], 0)])
        new = Axis(axis.name, dict(zip(axis.fields, map(list, zip(*values, strict=True)), strict=True)))
        made[number, where] = _indices(axes[number], new)[which]
    return tuple(axes), np.unique(made, axis=1)


def _column(cells: Grid, field: str) -> tuple[list[Any], np.ndarray]:
    """The values of a field, and which of them each cell has; of a key of the initial distribution, of its table's."""
    first, _, key = field.partition(".")
    column = cells.column(first)
    if not key:
        return column.values, column.codes
    return [getattr(spec, key.split(".")[0], None) for spec in column.values], column.codes


def _reads(cells: Grid, axis: Axis) -> np.ndarray:
    """The cells on which a field of an axis has an effect."""
    read = np.zeros(cells.cells, bool)
    for field in _fields(axis):
        first, _, key = field.partition(".")
        if key:
            read |= cells.tells("initial", partial(_has_key, key))
        else:
            read |= cells.reads(first)
    return read


def _has_key(key: str, spec: InitialKind) -> bool:
    return key.split(".")[0] in type(spec).model_fields


def _fields(axis: Axis) -> tuple[str, ...]:
    """The fields of a process that vary with an axis."""
    return tuple(axis.derived) or tuple(axis.fields)


def _merged(raw: Grid) -> Grid:
    """The same grid with cells as one that are alike in all that they read."""
    has_gaps = raw.places is not None
    swept = dict.fromkeys(name.split(".")[0] for axis in raw.axes for name in _fields(axis))
    swept |= dict.fromkeys(raw.derived)
    reads = {field: raw.reads(field) for field in swept}
    if not has_gaps and all(each.all() for each in reads.values()):
        return raw
    keys = [np.where(reads[field], _by_value(raw, field), -1) for field in swept]
    first, group = grouped(keys)
    order = np.argsort(first)  # cells in the order of their first places
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    codes = raw.codes
    cell = rank[group].astype(np.int32)
    at = _spread(raw, codes, cell)
    if len(first) == raw.cells:
        return raw.placed(raw.axes, Places(codes, at)) if has_gaps else raw
    ignored = frozenset(
        field for field in swept if not reads[field].all() and _differs(_by_value(raw, field), cell, ~reads[field])
    )
    return raw.placed(raw.axes, Places(codes[:, first[order]], at, ignored, (raw, cell)))


def _differs(values: np.ndarray, cell: np.ndarray, here: np.ndarray) -> bool:
    """Whether a cell that is here has several values."""
    pairs = np.unique(np.stack([cell[here], values[here]]), axis=1)
    return len(np.unique(pairs[0])) < pairs.shape[1]


def _by_value(raw: Grid, field: str) -> np.ndarray:
    """For each cell a number that says which value of a field it has: the same for equal values."""
    column, known = raw.column(field), dict[Any, int]()
    return np.array([known.setdefault(hashable(value), len(known)) for value in column.values])[column.codes]


def _spread(raw: Grid, codes: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """For each place of the box its cell. A cell that takes no value from an axis is at every value of it."""
    at = np.full(raw.size, -1, np.int32)
    strides = np.array([prod(raw.shape[number + 1 :]) for number in range(len(raw.shape))], np.int64)
    kinds, kind = np.unique(codes < 0, axis=1, return_inverse=True)
    for number, missing in enumerate(kinds.T):
        mine = np.flatnonzero(kind.reshape(-1) == number)
        places = strides[~missing] @ codes[:, mine][~missing]
        free = [np.arange(raw.shape[axis]) * strides[axis] for axis in np.flatnonzero(missing)]
        for offset in np.array(np.meshgrid(*free, indexing="ij")).reshape(len(free), -1).sum(axis=0) if free else [0]:
            held = at[places + offset]
            if (twice := (held >= 0) & (held != cell[mine])).any():
                told = ", ".join(f"{name} = {label(value)}" for name, value in raw.cell(mine[np.argmax(twice)]).items())
                raise InputError("grid", f"two tables have different cells at {told}")
            at[places + offset] = cell[mine]
    return at
