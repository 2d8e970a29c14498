"""Which axis of the dataset goes where in a picture, and where the others are held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import is_numeric
from jaxcollapse.analysis.labels import entries
from jaxcollapse.errors import did_you_mean, shown

_FEW = 2  # numbers that an axis may have and still leave its role to a longer one without an order
_ROUNDING = 1e-9  # relative, by which a value may be off, as 0.1 + 0.2 is


@dataclass(frozen=True)
class Arrangement:
    """Which axis of a dataset each part of a picture shows.

    Attributes:
        roles: the axis of each role; None if the role has no axis.
        panels: the axes whose values have panels of their own.
        held: the index at which every other axis is held.
    """

    roles: dict[str, str | None]
    panels: tuple[str, ...]
    held: dict[str, int]

    def told(self, values: xr.DataArray) -> dict[str, int]:
        """The axes that are held and have other values, which a title names."""
        return {name: place for name, place in self.held.items() if values.sizes[name] > 1}


def arrange(
    data: xr.Dataset,
    values: xr.DataArray,
    roles: Mapping[str, str | None],
    selection: Mapping[str, Any],
    panels: str | Sequence[str] | None = None,
    most: int = 1,
) -> Arrangement:
    """Gives each axis with several values a role, or panels.

    Args:
        data: the dataset that has the coordinates.
        values: what is shown, along axes only.
        roles: the axis that is asked for, for each role, or None. These take the longest axes that are left, numbers
            first; the first role takes the last of them.
        selection: a value for each axis that is to be held there.
        panels: the axes that are asked for. By default all that are left, the shortest first, as long as their
            combinations are not more than `most`; of a single axis with more values, some are shown.
        most: panels of a picture.

    Returns:
        The arrangement. Axes without a role, panels or a selected value are held at their middle value.

    Raises:
        ValueError: there is no such axis or value, or an axis is asked for twice.
    """
    axes = [str(name) for name in values.dims]
    held = {name: place_of(data, axes, name, value) for name, value in selection.items()}
    wished_panels = (panels,) if isinstance(panels, str) else tuple(panels or ())
    wishes = [(role, name) for role, name in roles.items() if name is not None]
    wishes += [("panels", name) for name in wished_panels]
    wished = [name for _, name in wishes]
    for role, name in wishes:
        if name not in axes:
            raise ValueError(f"{role} = {name!r} is not an axis of this dataset{did_you_mean(name, axes)}")
        if wished.count(name) > 1 or name in held:
            raise ValueError(f"{role} = {name!r}: the axis has another role already")
    free = [name for name in axes if values.sizes[name] > 1 and name not in (*wished, *held)]
    open_roles = [role for role, name in roles.items() if name is None]
    longest = _longest(data, values, free, len(open_roles))
    chosen = dict(roles) | dict(zip(open_roles, reversed(longest), strict=False))
    free = [name for name in free if name not in longest]
    over = wished_panels or _few(values, free, most)
    rest = [name for name in axes if name not in (*chosen.values(), *over, *held)]
    return Arrangement(chosen, over, {**{name: values.sizes[name] // 2 for name in rest}, **held})


def _longest(data: xr.Dataset, values: xr.DataArray, axes: list[str], number: int) -> list[str]:
    """So many of the axes, in their order: the longest ones, those with more than a few numbers first."""

    def rank(name: str) -> tuple[bool, int, bool, int]:
        size, has_order = values.sizes[name], is_numeric(data, name)
        return has_order and size > _FEW, size, has_order, axes.index(name)

    found = sorted(axes, key=rank, reverse=True)[:number]
    return [name for name in axes if name in found]


def _few(values: xr.DataArray, axes: list[str], most: int) -> tuple[str, ...]:
    """The shortest axes, in their order, whose combinations are not more than `most`; at least one axis."""
    found: list[str] = []
    for name in sorted(axes, key=lambda name: values.sizes[name]):
        if found and prod(values.sizes[each] for each in (*found, name)) > most:
            break
        found.append(name)
    return tuple(name for name in axes if name in found)


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
