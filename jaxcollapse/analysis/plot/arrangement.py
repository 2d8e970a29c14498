"""Which axis of the dataset goes where in a picture, and where the others are held."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import is_numeric
from jaxcollapse.analysis.labels import entries
from jaxcollapse.errors import did_you_mean, shown

_ROOMY = ("x", "y", "hue")  # roles that show more values than `panels`
_ROUNDING = 1e-9  # relative, by which a value may be off, as 0.1 + 0.2 is


@dataclass(frozen=True)
class Arrangement:
    """Which axis of a dataset each part of a picture shows.

    Attributes:
        roles: the axis of each role; None if the role has no axis.
        held: the index at which every other axis is held.
    """

    roles: dict[str, str | None]
    held: dict[str, int]

    def told(self, values: xr.DataArray) -> dict[str, int]:
        """The axes that are held and have other values, which a title names."""
        return {name: place for name, place in self.held.items() if values.sizes[name] > 1}


def arrange(
    data: xr.Dataset,
    values: xr.DataArray,
    roles: Mapping[str, str | None],
    defaults: Mapping[str, int],
    selection: Mapping[str, Any],
) -> Arrangement:
    """Gives each axis with several values a role.

    Args:
        data: the dataset that has the coordinates.
        values: what is shown, along axes only.
        roles: the axis that is asked for, for each role, or None.
        defaults: the place among the axes that are left which a role without a wish takes, -1 for the last. The roles
            `x`, `y` and `hue`, which show more values than `panels`, share out the longest axes.
        selection: a value for each axis that is to be held there; others are held at their middle value.

    Raises:
        ValueError: there is no such axis or value, or an axis is asked for twice.
    """
    axes = [str(name) for name in values.dims]
    held = {name: place_of(data, axes, name, value) for name, value in selection.items()}
    wished = [name for name in roles.values() if name is not None]
    for role, name in roles.items():
        if name is not None and name not in axes:
            raise ValueError(f"{role} = {name!r} is not an axis of this dataset{did_you_mean(name, axes)}")
        if name is not None and (wished.count(name) > 1 or name in held):
            raise ValueError(f"{role} = {name!r}: the axis has another role already")
    free = [name for name in axes if values.sizes[name] > 1 and name not in (*wished, *held)]
    chosen = dict(roles)
    longest = _longest(data, values, free, sum(roles.get(role, "") is None for role in _ROOMY))
    for role in roles:
        left = [name for name in (longest if role in _ROOMY else free) if name not in chosen.values()]
        chosen[role] = chosen[role] or (left[defaults[role]] if left else None)
    rest = [name for name in axes if name not in chosen.values() and name not in held]
    return Arrangement(chosen, {**{name: values.sizes[name] // 2 for name in rest}, **held})


def _longest(data: xr.Dataset, values: xr.DataArray, axes: list[str], number: int) -> list[str]:
    """So many of the axes, in their order: the longest one with numbers first, then the longest of the others."""
    rest = list(axes)
    found: list[str] = []
    while rest and len(found) < number:
        numeric = [name for name in reversed(rest) if is_numeric(data, name)]
        found.append(max(numeric if numeric and not found else rest, key=lambda name: values.sizes[name]))
        rest.remove(found[-1])
    return [name for name in axes if name in found]


def place_of(data: xr.Dataset, axes: list[str], name: str, value: Any) -> int:
    """The index of a value along an axis.

    Raises:
        ValueError: there is no such axis, or no such value.
    """
    if name not in axes:
        raise ValueError(f"{name!r} is not an axis of this dataset{did_you_mean(name, axes)}")
    values = data[name].values
    places = np.flatnonzero(values == value) if np.ndim(value) == 0 else np.array([], int)
    if places.size:
        return int(places[0])
    if np.issubdtype(values.dtype, np.number) and isinstance(value, int | float | np.number):
        apart = np.abs(values - float(value))
        if apart.min() <= _ROUNDING * abs(float(value)) < np.inf:
            return int(apart.argmin())
    raise ValueError(f"{name} = {shown(value)} is not in this dataset; it has {', '.join(entries(data, name))}")
