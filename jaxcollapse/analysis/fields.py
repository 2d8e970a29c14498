"""The fields of `[process]` that a dataset's sweep file mentions, whose coordinates may have been dropped since."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import xarray as xr

from jaxcollapse.sweep.axes import POINTS
from jaxcollapse.sweep.designs import columns_of, is_design
from jaxcollapse.sweep.reading import parse_toml


def sweep_of(data: xr.Dataset) -> Mapping[str, Any]:
    """The sweep file of a dataset, which is its attribute `sweep`; empty if it lacks one.

    Raises:
        InputError: the attribute is not TOML.
    """
    return parse_toml(str(data.attrs.get("sweep", "")), "the attribute sweep")


def part(table: Any, key: str) -> Mapping[str, Any]:
    """A table in a table, empty if it lacks one."""
    found = table.get(key) if isinstance(table, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def axes_of(told: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each axis of a sweep file: the table that it is in, its key and its value."""
    tables = {"axes": part(told, "axes")}
    grids = told.get("grid")
    for number, table in enumerate(grids if isinstance(grids, list) else ()):
        tables[f"grid[{number}]"] = table if isinstance(table, Mapping) else {}
    for name, table in tables.items():
        for key, spec in table.items():
            yield name, key, spec


def several_in(spec: Any) -> tuple[str, ...]:
    """The fields of a zip, or of a design, from the value of an axis; none if it is neither."""
    if is_design(spec):
        named = spec.get("fields", ())
        return columns_of(spec) or tuple(map(str, named if isinstance(named, list) else ()))
    return tuple(part(spec, "zip"))


def swept_by(name: str, spec: Any) -> tuple[str, ...]:
    """The fields that an axis may sweep, by its key and value."""
    points = spec if name == POINTS and isinstance(spec, Mapping) else {}
    return (name, *points, *several_in(spec))


def check_told(data: xr.Dataset, fields: Iterable[str]) -> None:
    """Raises ValueError if the sweep file sets or sweeps one of these fields, and no coordinate has its values."""
    told = sweep_of(data)
    given = {*part(told, "process"), *(field for _, name, spec in axes_of(told) for field in swept_by(name, spec))}
    for field in fields:
        if field in given and field not in data.coords:
            refuse_without(field)


def refuse_without(field: str) -> None:
    """Raises an error that says which coordinate is gone."""
    raise ValueError(
        f"the dataset lacks the coordinate {field!r}, which identifies its cells; "
        "select with sel or isel without drop=True, which keep it"
    )
