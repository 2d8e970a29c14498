"""The numbers and coordinates of several datasets on their common axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.errors import InputError
from jaxcollapse.execute import MISSING, absent
from jaxcollapse.store.joined_axes import JoinedAxis, JoinPart

_DESCRIBING = ("long_name", "units", "description", "source")
_KEPT = ("dtype", "_FillValue", "zlib", "complevel", "shuffle")  # of how numbers are encoded
_NOT_KNOWN = -1


@dataclass(frozen=True)
class Joint:
    """Several datasets and their common axes.

    Attributes:
        parts: the datasets.
        axes: the axes of all together.
    """

    parts: Sequence[JoinPart]
    axes: Sequence[JoinedAxis]

    @cached_property
    def replicates(self) -> list[int]:
        """The replicates that some of the datasets have."""
        return sorted({int(number) for part in self.parts for number in part.data.replicate.values})

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(len(axis.points) for axis in self.axes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(axis.name for axis in self.axes)

    def where(self, number: int) -> tuple[np.ndarray, ...]:
        """The indices of a part's trajectories, along the axes and replicates."""
        rows = np.searchsorted(self.replicates, self.parts[number].data.replicate.values)
        return np.ix_(*(axis.places[number] for axis in self.axes), rows)

    def spread(self, number: int, values: xr.DataArray) -> np.ndarray:
        """Values of a part along all axes, those that it lacks with one value, replicates, and what else there is."""
        missing = [name for name in (*self.names, "replicate") if name not in values.dims]
        rest = [dim for dim in values.dims if dim not in (*self.names, "replicate")]
        return np.asarray(values.expand_dims(missing).transpose(*self.names, "replicate", *rest).values)

    def variables(self) -> dict[str, xr.Variable]:
        """All variables; where no part has a trajectory, it is missing.

        Raises:
            InputError: the parts contradict each other.
        """
        status, done = self._status()
        order = dict.fromkeys(str(name) for part in self.parts for name in part.data.data_vars if name != "status")
        made = {name: self._variable(name, done) for name in order}
        return {**made, "status": status}

    def _status(self) -> tuple[xr.Variable, list[np.ndarray]]:
        """The status of all trajectories, and for each part which of its own are computed."""
        whole = np.full((*self.shape, len(self.replicates)), MISSING, np.int8)
        done = []
        for number, part in enumerate(self.parts):
            own = self.spread(number, part.data.status).astype(np.int8)
            done.append(own != MISSING)
            held = whole[self.where(number)]
            both = done[-1] & (held != MISSING)
            if (both & (held != own)).any():
                raise self._contradiction(number, "status", both & (held != own))
            whole[self.where(number)] = np.where(done[-1], own, held)
        first = self.parts[0].data.status
        return xr.Variable((*self.names, "replicate"), whole, first.attrs, _encoding(first)), done

    def _variable(self, name: str, done: list[np.ndarray]) -> xr.Variable:
        having = [number for number, part in enumerate(self.parts) if name in part.data]
        first = self.parts[having[0]].data[name]
        own_dims = [str(dim) for dim in first.dims if dim not in (*self.names, "replicate")]
        sizes = dict.fromkeys(own_dims, 0)
        for number in having:
            data = self.parts[number].data[name]
            for dim in own_dims:
                if dim not in data.dims:
                    raise InputError(name, f"lacks the dimension {dim!r}", self.parts[number].name)
                sizes[dim] = max(sizes[dim], data.sizes[dim])
            for key in _DESCRIBING:
                if data.attrs.get(key) != first.attrs.get(key):
                    told = f"has another {key} than in {self.parts[having[0]].name}: it is not the same quantity"
                    raise InputError(name, told, self.parts[number].name)
        whole = np.full((*self.shape, len(self.replicates), *sizes.values()), absent(first.dtype), first.dtype)
        known = np.zeros(whole.shape[: len(self.shape) + 1], bool)
        for number in having:
            own = self.spread(number, self.parts[number].data[name].transpose(..., *own_dims))
            padding = [
                (0, size - held) for size, held in zip(whole.shape[known.ndim :], own.shape[known.ndim :], strict=True)
            ]
            own = np.pad(own, [(0, 0)] * known.ndim + padding, constant_values=absent(own.dtype))
            where, is_done = self.where(number), done[number]
            held = whole[where]
            other = (held != own) & ~(np.isnan(held) & np.isnan(own))
            both = is_done & known[where] & other.reshape(*is_done.shape, -1).any(axis=-1)
            if both.any():
                raise self._contradiction(number, name, both)
            whole[where] = np.where(is_done.reshape(*is_done.shape, *[1] * len(own_dims)), own, held)
            known[where] |= is_done
        return xr.Variable((*self.names, "replicate", *own_dims), whole, first.attrs, _encoding(first))

    def _contradiction(self, number: int, name: str, cells: np.ndarray) -> InputError:
        """An error that names the first trajectory of a part that has other numbers elsewhere."""
        *place, row = np.argwhere(cells)[0].tolist()
        told = [
            f"{field} = {value}"
            for axis, index in zip(self.axes, place, strict=True)
            for field, value in zip(axis.fields, axis.points[axis.places[number][index]], strict=True)
        ]
        told.append(f"replicate {int(self.parts[number].data.replicate.values[row])}")
        problem = f"the trajectory with {', '.join(told)} has other numbers than in another dataset"
        return InputError(name, problem, self.parts[number].name)

    def coordinates(self) -> dict[str, xr.Variable]:
        """All coordinates: those of the axes, and others along the axes with which they vary.

        Raises:
            InputError: the parts contradict each other.
        """
        made: dict[str, xr.Variable] = {}
        for axis in self.axes:
            if axis.is_zip:
                told = {"long_name": f"position along {axis.name}", "units": "1"}
                made[axis.name] = xr.Variable(axis.name, np.arange(len(axis.points), dtype=np.int32), told)
            for field, column in zip(axis.fields, zip(*axis.points, strict=True), strict=True):
                made[field] = xr.Variable(axis.name, _as_array(list(column)), self._attributes(field))
        numbers = np.array(self.replicates, self.parts[0].data.replicate.dtype)
        made["replicate"] = xr.Variable("replicate", numbers, self._attributes("replicate"))
        for name in dict.fromkeys(str(name) for part in self.parts for name in part.data.coords):
            if name in made:
                continue
            having = [part for part in self.parts if name in part.data.coords]
            if all(set(part.data[name].dims) <= set(self.names) for part in having):
                made[name] = self._of_cells(name)
            else:
                made[name] = self._of_rows(name, having)
        return made

    def _attributes(self, name: str) -> dict[str, Any]:
        return next((dict(part.data[name].attrs) for part in self.parts if name in part.data.coords), {})

    def _of_rows(self, name: str, having: Sequence[JoinPart]) -> xr.Variable:
        """A coordinate of what a trajectory has: of tokens, contexts, personas or attempts.

        Where they only count, the longest counts for all.
        """
        longest = max(having, key=lambda part: part.data[name].size)
        whole = longest.data[name]
        for part in self.parts:
            if not set(whole.dims) <= set(part.data.dims):
                continue
            if name not in part.data.coords:
                raise InputError(name, f"is without labels here, but not in {longest.name}", part.name)
            own = part.data[name]
            counts = own.dtype.kind in "iu" and own.ndim == 1
            start = whole.isel({dim: slice(size) for dim, size in own.sizes.items()}) if counts else whole
            if own.dims != whole.dims or not np.array_equal(own.values, start.values):
                raise InputError(name, f"has other labels than in {longest.name}", part.name)
        return whole.variable

    def _of_cells(self, name: str) -> xr.Variable:
        """A coordinate of cells, along the axes that it changes with only."""
        values: dict[Any, int] = {}
        codes = np.full(self.shape, _NOT_KNOWN)
        for number, part in enumerate(self.parts):
            if name not in part.data.coords:
                continue
            own = part.data[name]
            flat = [values.setdefault(value, len(values)) for value in own.values.ravel().tolist()]
            coded = xr.DataArray(np.array(flat, int).reshape(own.shape), dims=own.dims)
            missing = [axis for axis in self.names if axis not in own.dims]
            block = np.ix_(*(axis.places[number] for axis in self.axes))
            table = coded.expand_dims(missing).transpose(*self.names).values
            held = codes[block]
            here = (self.spread(number, part.data.status) != MISSING).any(axis=-1)
            if ((held != _NOT_KNOWN) & (held != table) & here).any():
                raise InputError(name, "has other values than in another dataset, in the same cells", part.name)
            codes[block] = np.where((held == _NOT_KNOWN) | here, table, held)
        dims = list(self.names)
        for axis in reversed(range(len(dims))):
            most = codes.max(axis=axis)
            least = np.where(codes == _NOT_KNOWN, len(values), codes).min(axis=axis)
            if ((most == least) | (most == _NOT_KNOWN)).all():
                codes = most
                dims.pop(axis)
        return xr.Variable(dims, _decoded(np.asarray(codes), list(values)), self._attributes(name))


def _decoded(codes: np.ndarray, values: list[Any]) -> np.ndarray:
    """Values by their numbers; where there is none, NaN, no text, or False, since a boolean has no missing value."""
    is_text, is_flag = any(isinstance(value, str) for value in values), all(isinstance(value, bool) for value in values)
    absent: list[Any] = [""] if is_text else [False] if is_flag else [np.nan]
    lacks = bool((codes == _NOT_KNOWN).any())
    table = _as_array([*values, *absent]) if lacks else _as_array(values)
    return np.asarray(table[codes])


def _as_array(values: list[Any]) -> np.ndarray:
    """Values as coordinates have them: booleans, whole numbers, numbers, or text."""
    if all(isinstance(value, bool) for value in values):
        return np.array(values, bool)
    if all(isinstance(value, int) for value in values):
        return np.array(values, np.int64)
    if all(isinstance(value, int | float) for value in values):
        return np.array(values, float)
    return np.array([str(value) for value in values])


def _encoding(values: xr.DataArray) -> dict[str, Any]:
    return {key: value for key, value in values.encoding.items() if key in _KEPT}
