"""The curves that cells lie on: what distinguishes them, and where their points are along a horizontal axis."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.labels import number, told_apart
from jaxcollapse.analysis.possible import possible_range
from jaxcollapse.analysis.status import at_generation, cell_dims, counted, has_status, status_of, variable
from jaxcollapse.errors import did_you_mean
from jaxcollapse.theory import ORACLES

Abscissa = str | Callable[..., Any]  # a coordinate, or a function whose arguments have the names of coordinates


@dataclass(frozen=True)
class Curves:
    """Means of an observable over trajectories, as points of curves.

    Attributes:
        names: names of the curves.
        samples: for each cell the values of the trajectories that count, [time, replicate].
        cell: for each point the index of its cell in `samples`.
        time: for each point the index of its time in the cell's samples.
        curve: for each point the index of its curve.
        x: for each point its position along the horizontal axis.
        least: for each point the least possible value.
        most: for each point the largest possible value.
    """

    names: list[str]
    samples: list[np.ndarray]
    cell: np.ndarray
    time: np.ndarray
    curve: np.ndarray
    x: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @classmethod
    def of(
        cls, data: xr.Dataset, name: str, abscissa: Abscissa, curves: Sequence[str], generation: int | None = None
    ) -> "Curves":
        """The curves of a dataset; cells with the same values of the coordinates `curves` share one.

        There is no point where a trajectory that counts has no finite value, or where x is not finite.

        Args:
            data: any part of a result.
            name: an observable.
            abscissa: see `Abscissa`. Where it needs `generation`, each recorded generation makes a point.
            curves: names of coordinates.
            generation: a recorded one at which other axes are used, by default the last.

        Raises:
            ValueError: there is no such observable or coordinate, or two points of a curve have the same x.
        """
        fields, chosen = _fields(data, abscissa), variable(data, name)
        runs = "generation" in fields or "generation" not in chosen.dims
        then = data if runs else at_generation(data, generation)
        dims = [each for each in (*cell_dims(status_of(data)), "generation") if each in then[name].dims]
        x = _places(then, abscissa, fields)
        _check_dimensions(name, then[name], x, [*dims, "replicate"])
        values = counted(then, then[name]).transpose(*dims, "replicate").astype(float).compute()
        alike = values.isel(replicate=0, drop=True)
        cells = alike.isel(generation=0, drop=True) if "generation" in dims else alike
        counts = has_status(then, "complete").transpose(*cells.dims, "replicate").values.reshape(cells.size, -1)
        table = values.values.reshape(cells.size, -1, values.sizes["replicate"])
        samples = [each[:, which] for each, which in zip(table, counts, strict=True)]
        known = np.stack([np.isfinite(each).all(axis=1) & (each.shape[1] > 0) for each in samples])
        places = x.broadcast_like(alike).transpose(*dims).values.reshape(known.shape)
        cell, time = np.nonzero(known & np.isfinite(places))
        names, curve = _numbered(then, curves, cells)
        ends = (end.broadcast_like(cells).transpose(*cells.dims).values.ravel() for end in possible_range(then[name]))
        found = cls(names, samples, cell, time, curve[cell], places[cell, time], *(end[cell] for end in ends))
        found._check(list(curves), label_of_abscissa(data, abscissa))
        return found

    def _check(self, curves: list[str], label: str) -> None:
        """Raises ValueError where a curve has two values at one x."""
        for place, name in enumerate(self.names):
            x = np.sort(self.x[self.curve == place])
            twice = x[1:][np.diff(x) == 0]
            if twice.size:
                at = number(float(twice[0]), 4)
                raise ValueError(
                    f"curves = {curves}: the curve {name} has several points at {label} = {at}; "
                    "add the coordinates in which these points differ to curves, or select one value of each"
                )


def label_of_abscissa(data: xr.Dataset, abscissa: Abscissa) -> str:
    """What an axis is called: the long name of a coordinate, the formula of an oracle, or the name of a function."""
    if isinstance(abscissa, str):
        return str(data[abscissa].attrs.get("long_name", abscissa))
    known = ORACLES.get(abscissa.__name__)
    return known.formula if known and known.function is abscissa else abscissa.__name__.replace("_", " ")


def _fields(data: xr.Dataset, abscissa: Abscissa) -> list[str]:
    """The coordinates that an axis is made from."""
    fields = [abscissa] if isinstance(abscissa, str) else list(inspect.signature(abscissa).parameters)
    for field in fields:
        if not np.issubdtype(_coordinate(data, field).dtype, np.number):
            raise ValueError(f"the coordinate {field!r} is not numeric, so it cannot be the horizontal axis")
    return fields


def _places(data: xr.Dataset, abscissa: Abscissa, fields: list[str]) -> xr.DataArray:
    """Where cells are along an axis."""

    def place(*values: Any) -> float:
        named = dict(zip(fields, values, strict=True))
        return float(named[abscissa] if isinstance(abscissa, str) else abscissa(**named))

    with np.errstate(divide="ignore", invalid="ignore"):  # where an axis ends, there is no point
        return xr.apply_ufunc(place, *(data[field] for field in fields), vectorize=True, output_dtypes=[float])


def _numbered(data: xr.Dataset, fields: Sequence[str], cells: xr.DataArray) -> tuple[list[str], np.ndarray]:
    """What each curve is called, and for each cell the number of its own."""
    if isinstance(fields, str) or not fields:
        raise ValueError(f"curves = {fields!r} is not a list of coordinates such as ['samples']")
    columns = [_coordinate(data, field).broadcast_like(cells) for field in fields]
    keys = list(zip(*(each.transpose(*cells.dims).values.ravel().tolist() for each in columns), strict=True))
    order = list(dict.fromkeys(keys))
    labels = [told_apart(list(column), field) for field, column in zip(fields, zip(*order, strict=True), strict=True)]
    return [", ".join(key) for key in zip(*labels, strict=True)], np.array([order.index(key) for key in keys])


def _check_dimensions(name: str, values: xr.DataArray, x: xr.DataArray, known: list[str]) -> None:
    """Raises ValueError unless each trajectory has one value at each place."""
    for dim in values.dims:
        if dim not in known:
            raise ValueError(f"{name!r} has several values along {dim!r}; select one of them")
    for dim in x.dims:
        if dim not in values.dims:
            raise ValueError(f"{name!r} does not depend on {dim!r}, but the horizontal axis does")


def _coordinate(data: xr.Dataset, name: str) -> xr.DataArray:
    known = [str(each) for each in data.coords]
    if name not in known:
        raise ValueError(f"{name!r} is not a coordinate of this dataset{did_you_mean(name, known)}")
    return data[name]
