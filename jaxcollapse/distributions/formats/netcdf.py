"""netCDF files, of any origin."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxcollapse.distributions.formats.contents import Contents, Wanted
from jaxcollapse.distributions.labels import as_names, chosen_labels
from jaxcollapse.errors import InputError, did_you_mean
from jaxcollapse.limits import MOST_NUMBERS, MOST_TOKENS
from jaxcollapse.system.netcdf import open_dataset, open_netcdf
from jaxcollapse.system.watchdog import reading

if TYPE_CHECKING:
    import xarray as xr

_KEY = "process.initial.select"
_TEXT = "UOS"


def variable_of(path: Path, wanted: Wanted) -> str:
    """The variable that is meant: by default the only one of numbers."""
    with _opened(path) as file:
        return _chosen(file, wanted)


def read(path: Path, wanted: Wanted) -> Contents:
    """A variable after selection, of one dimension or of two."""
    with _opened(path) as file:
        selected = _selected(file[_chosen(file, wanted)], wanted)
        if selected.ndim not in (1, 2):
            left = ", ".join(f"{dimension} ({size})" for dimension, size in selected.sizes.items())
            wish = "select until one is left, or two for a table of rows"
            raise InputError(_KEY, f"{selected.name} has {left or 'no dimension'} left; {wish}")
        if selected.size > MOST_NUMBERS:
            raise ValueError(f"{selected.name} has {selected.size} numbers left; at most {MOST_NUMBERS} are read")
        names = _labels(file, selected, wanted)
        first = selected.dims[0] if selected.ndim == 2 else None
        rows = as_names(selected[first].values) if first in selected.coords else None
        return Contents(str(selected.name), np.asarray(selected.values, float), names, rows)


@contextmanager
def _opened(path: Path) -> Iterator["xr.Dataset"]:
    with reading(path):
        _check_dimensions(path)
        with open_dataset(path, decode_times=False) as file:
            yield file


def _check_dimensions(path: Path) -> None:
    """Raises where a dimension is too long: xarray reads its coordinate when it opens a file."""
    with open_netcdf(path) as file:
        for name, dimension in file.dimensions.items():
            if len(dimension) > MOST_TOKENS:
                raise ValueError(f"its dimension {name} has {len(dimension)} entries; at most {MOST_TOKENS} are read")


def _chosen(file: "xr.Dataset", wanted: Wanted) -> str:
    if wanted.variable is not None:
        return wanted.choose([str(name) for name in file.data_vars])
    return wanted.choose([str(name) for name, values in file.data_vars.items() if values.dtype.kind not in _TEXT])


def _selected(variable: Any, wanted: Wanted) -> Any:
    for dimension, label in wanted.select.items():
        if dimension not in variable.dims and not wanted.has_all:
            continue
        if dimension not in variable.dims:
            wrong = did_you_mean(dimension, map(str, variable.dims))
            raise InputError(_KEY, f"{dimension!r} is not a dimension of {variable.name}{wrong}")
        known = variable.indexes.get(dimension)
        if known is not None and label in known:
            variable = variable.sel({dimension: label})
        elif isinstance(label, int) and -variable.sizes[dimension] <= label < variable.sizes[dimension]:
            variable = variable.isel({dimension: label})
        else:
            names = [str(name) for name in known] if known is not None else []
            raise InputError(
                f"{_KEY}.{dimension}", f"{label!r} is not one of its labels{did_you_mean(str(label), names)}"
            )
    return variable


def _labels(file: "xr.Dataset", selected: "xr.DataArray", wanted: Wanted) -> np.ndarray | None:
    """Names of the tokens: the coordinate of the last dimension, else another variable along it alone."""
    tokens = selected.dims[-1]
    along = [str(name) for name, values in file.variables.items() if values.dims == (tokens,) and name != selected.name]
    if wanted.labels is None and tokens in along:
        name: str | None = str(tokens)
    else:
        name = chosen_labels(wanted.labels, along, lambda: [each for each in along if file[each].dtype.kind in _TEXT])
    return None if name is None else as_names(file[name].values)
