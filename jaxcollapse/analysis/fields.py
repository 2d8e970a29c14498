"""The fields of `[process]` that a dataset's sweep file mentions, whose coordinates may have been dropped since."""

from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr

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


def check_told(data: xr.Dataset, fields: Iterable[str]) -> None:
    """Raises ValueError if the sweep file sets or sweeps one of these fields, and no coordinate has its values."""
    told = sweep_of(data)
    axes = part(told, "axes")
    given = {*part(told, "process"), *axes, *(field for name in axes for field in part(axes[name], "zip"))}
    for field in fields:
        if field in given and field not in data.coords:
            refuse_without(field)


def refuse_without(field: str) -> None:
    """Raises an error that says which coordinate is gone."""
    raise ValueError(
        f"the dataset lacks the coordinate {field!r}, which identifies its cells; "
        "select with sel or isel without drop=True, which keep it"
    )
