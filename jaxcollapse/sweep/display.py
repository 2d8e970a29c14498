"""How a sweep shows itself."""

import hashlib
import html
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from jaxcollapse.errors import printable
from jaxcollapse.sweep.axes import Axis

if TYPE_CHECKING:
    from jaxcollapse.sweep.sweep import Sweep

_SHOWN = 7
_LONGEST, _BEGINNING = 200, 50  # characters of a list that is written out, and of one that is not
_DIGITS = 8  # of a digest


def label(value: Any) -> str:
    """A value as one would write it; tables as kind(key=value, …).

    Of a long list it has the beginning, the number of values, and the first digits of the SHA-256 of its JSON.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True) | {"kind": getattr(value, "kind", "")}
    if isinstance(value, Mapping):
        keys = ", ".join(
            f"{key}={_shortened(json.dumps(entry), entry)}" for key, entry in value.items() if key != "kind"
        )
        return f"{value.get('kind', '')}({keys})" if keys else str(value.get("kind", ""))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _shortened(str(value), value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shortened(text: str, value: Any) -> str:
    if not isinstance(value, list) or len(text) <= _LONGEST:
        return text
    numbers = sum(len(row) if isinstance(row, list) else 1 for row in value)
    digest = hashlib.sha256(json.dumps(value).encode()).hexdigest()[:_DIGITS]
    return f"{text[:_BEGINNING].rsplit(', ', 1)[0]}, … {numbers} values, sha256 {digest}]"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 chunk", "2 chunks", "2 trajectories"."""
    if number == 1:
        return f"{number} {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def _values(values: list[Any]) -> str:
    shown = [label(value) for value in values]
    if len(shown) > _SHOWN:
        shown = [*shown[: _SHOWN - 2], "…", shown[-1]]
    return ", ".join(shown)


def _rows(sweep: "Sweep") -> list[tuple[str, int, str]]:
    rows = []
    for axis in sweep.grid.axes:
        rows.append((axis.name, len(axis), _axis_values(axis)))
    return rows


def _axis_values(axis: Axis) -> str:
    if list(axis.fields) == [axis.name]:
        told = _values(axis.fields[axis.name])
    else:
        told = "; ".join(f"{field} = {_values(values)}" for field, values in axis.fields.items())
    told += "".join(f"; {field} = {how}" for field, how in axis.derived.items())
    return told + (f" where {conditions_of(axis)}" if axis.where else "")


def conditions_of(axis: Axis) -> str:
    """ "optimizer = adam or adamw, batch_size = 16": the values that other fields have where an axis applies."""
    return ", ".join(f"{field} = {' or '.join(map(label, values))}" for field, values in axis.where.items())


def _constants(sweep: "Sweep") -> list[tuple[str, str]]:
    """The constants, and how fields follow from others."""
    derived = sweep.grid.derived
    return [(key, str(derived[key]) if key in derived else label(value)) for key, value in sweep.process.items()]


def size(sweep: "Sweep") -> str:
    """ "3 × 9 = 27 cells × 64 replicates = 1 728 trajectories × 400 generations"."""
    product, grid = " × ".join(str(length) for length in sweep.shape), sweep.grid
    cells = f"{product} = {grid.size:,}" if len(sweep.shape) > 1 else f"{grid.size:,}"
    if grid.cells != grid.size:
        cells = f"{cells} places with {grid.cells:,}"
    noun = "cell" if grid.cells == 1 else "cells"
    if rule := sweep.stopping:
        names = ", ".join(f"{name} ± {width:g}" for name, width in rule.until.items())
        each = f"{rule.least:,} to {rule.most:,} replicates until {names}"
        return f"{cells} {noun} × {each}, × {sweep.generations:,} generations"
    return (
        f"{cells} {noun} × {sweep.replicates:,} replicates = {sweep.trajectories:,} trajectories"
        f" × {sweep.generations:,} generations"
    )


def as_text(sweep: "Sweep") -> str:
    """A few lines: title, size, axes, constants."""
    title = f"{sweep.title!r}, " if sweep.title else ""
    lines = [f"<Sweep {title}seed {sweep.seed}>", size(sweep)]
    rows = _rows(sweep)
    width = max([len(name) for name, _, _ in rows] + [len(key) for key in sweep.process], default=0)
    if rows:
        lines.append("Axes:")
        lines += [f"    {name:{width}}  ({length}) {values}" for name, length, values in rows]
    if sweep.process:
        lines.append("Constants:")
        lines += [f"    {key:{width}}  {value}" for key, value in _constants(sweep)]
    number, length = sweep.record.texts, sweep.record.text_length
    texts = f", and {count(number, 'text')} of {count(length, 'token')}" if number else ""
    lines.append(f"Recorded: {len(sweep.recorded)} generations of {', '.join(sweep.observables)}{texts}")
    return "\n".join(map(printable, lines))


def as_html(sweep: "Sweep") -> str:
    """The axes and constants of a sweep as an HTML table."""
    rows = [("axis", name, f"{length}", values) for name, length, values in _rows(sweep)]
    rows += [("constant", key, "", value) for key, value in _constants(sweep)]
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    head = "<tr><th></th><th>field</th><th>size</th><th>values</th></tr>"
    return (
        f"<b>Sweep</b> {html.escape(sweep.title)}, seed {sweep.seed}<br>{html.escape(size(sweep))}"
        f"<table>{head}{body}</table>"
    )
