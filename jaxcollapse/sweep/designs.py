"""Designs: points scattered over several fields, along one dimension.

    { sobol = { temperature = [0.8, 1.2], "log learning_rate" = [0.01, 10] }, points = 256 }

`sobol` and `random` keep their first points if they grow; `latin_hypercube` does not. `points_from` reads points that
are listed in a file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxcollapse.distributions.allowed_paths import readable, within
from jaxcollapse.errors import InputError, shown
from jaxcollapse.limits import MOST_VALUES
from jaxcollapse.system.paths import user_path

DESIGNS = ("sobol", "latin_hypercube", "random")
FROM_FILE = "points_from"
_LOG = "log "
_FARTHEST = 1e300


def is_design(spec: Any) -> bool:
    """Whether the value of an axis scatters points over several fields."""
    return isinstance(spec, Mapping) and not spec.keys().isdisjoint((*DESIGNS, FROM_FILE))


def is_sequence(spec: Any) -> bool:
    """Whether the points of an axis are in no order but that of a design, so that the first ones are spread, too."""
    return isinstance(spec, Mapping) and not spec.keys().isdisjoint(DESIGNS)


def field_of(column: str) -> str:
    """The field of a column: "log learning_rate" is spread evenly in its logarithm."""
    return column.removeprefix(_LOG).strip()


def columns_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields over which a design scatters points, as far as that is known without its file."""
    tables = [spec[kind] for kind in DESIGNS if isinstance(spec.get(kind), Mapping)]
    return tuple(field_of(str(column)) for table in tables for column in table)


def scattered(
    key: str, spec: Mapping[str, Any], is_whole: Callable[[str], bool], folder: Path | None
) -> dict[str, list[Any]]:
    """The points of a design: for each field, its value at each point. Points that coincide after rounding merge.

    Args:
        key: the dotted key of the axis, for messages.
        spec: the value of the axis.
        is_whole: says whether a field has whole numbers.
        folder: where relative paths start, and what none may leave; None is the working folder.

    Raises:
        InputError: the table says something else.
    """
    kinds = [kind for kind in (*DESIGNS, FROM_FILE) if kind in spec]
    if len(kinds) != 1:
        raise InputError(key, f"give exactly one of {', '.join((*DESIGNS, FROM_FILE))}, not {len(kinds)}")
    (kind,) = kinds
    known = {kind, "fields"} if kind == FROM_FILE else {kind, "points", "seed"}
    if unknown := sorted(set(spec) - known):
        raise InputError(f"{key}.{unknown[0]}", f"unknown key; allowed: {', '.join(sorted(known))}")
    made = _read(key, spec, folder) if kind == FROM_FILE else _spread(key, kind, spec)
    for field, values in made.items():
        if is_whole(field):
            made[field] = [_whole(value) for value in values]
    points = dict.fromkeys(zip(*made.values(), strict=True))
    return {field: list(values) for field, values in zip(made, zip(*points, strict=True), strict=True)}


def _whole(value: Any) -> Any:
    return round(value) if isinstance(value, float) and np.isfinite(value) else value


def _spread(key: str, kind: str, spec: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Points that fill a box evenly, or at random."""
    ranges, number, seed = spec[kind], spec.get("points"), spec.get("seed", 0)
    if not isinstance(ranges, Mapping) or not ranges:
        raise InputError(f"{key}.{kind}", 'must be a table of ranges, as in { temperature = [0.8, 1.2], "log …" = … }')
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_VALUES:
        told = "is missing" if number is None else f"{shown(number)}: must be a whole number from 1 to {MOST_VALUES}"
        raise InputError(f"{key}.points", told)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError(f"{key}.seed", f"{shown(seed)}: must be a whole number from 0 to {2**63 - 1}")
    ends = {column: _ends(f"{key}.{kind}.{column}", column, value) for column, value in ranges.items()}
    unit = _unit(kind, len(ends), number, seed)
    made: dict[str, list[Any]] = {}
    for (column, (first, last)), along in zip(ends.items(), unit.T, strict=True):
        if field_of(column) in made:
            raise InputError(f"{key}.{kind}.{column}", "names a field twice")
        if column.startswith(_LOG):
            values = np.exp(np.log(first) + along * (np.log(last) - np.log(first)))
        else:
            values = first + along * (last - first)
        made[field_of(column)] = [float(f"{value:.12g}") for value in values.tolist()]
    return made


def _ends(key: str, column: str, ends: Any) -> tuple[float, float]:
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise InputError(key, f"{shown(ends)}: must be [least, greatest]")
    for end in ends:
        if isinstance(end, bool) or not isinstance(end, int | float) or not abs(end) <= _FARTHEST:
            raise InputError(key, f"{shown(end)}: the ends must be finite numbers")
        if column.startswith(_LOG) and end <= 0:
            raise InputError(key, f"{end!r}: the ends must be > 0 to be spread evenly in the logarithm")
    return float(ends[0]), float(ends[1])


def _unit(kind: str, dimensions: int, number: int, seed: int) -> np.ndarray:
    """Points of the unit cube, [point, dimension]."""
    if kind == "random":
        return np.random.default_rng(seed).random((number, dimensions))
    from scipy.stats import qmc  # which takes a while to import

    generator = np.random.default_rng(seed)
    if kind == "latin_hypercube":
        return np.asarray(qmc.LatinHypercube(dimensions, rng=generator).random(number))
    sampler = qmc.Sobol(dimensions, scramble=True, rng=generator)
    power = (number - 1).bit_length()  # the sequence is balanced after powers of two; its first points are the same
    return np.asarray(sampler.random_base2(power))[:number]


def _read(key: str, spec: Mapping[str, Any], folder: Path | None) -> dict[str, list[Any]]:
    """The points that a file lists: columns of a table in text, or variables of one dimension of a netCDF file."""
    name, wanted = spec[FROM_FILE], spec.get("fields")
    if not isinstance(name, str):
        raise InputError(f"{key}.{FROM_FILE}", f"{shown(name)}: must be the path of a csv, tsv or netCDF file")
    if wanted is not None and not (isinstance(wanted, list | tuple) and all(isinstance(each, str) for each in wanted)):
        raise InputError(f"{key}.fields", f"{shown(wanted)}: must be a list of columns that are fields")
    try:
        path = readable(user_path(name) if folder is None else within(folder, name))
        columns = _netcdf(path, wanted) if path.suffix == ".nc" else _table(path, wanted)
    except InputError as error:
        raise InputError(f"{key}.{FROM_FILE}", error.problem) from None
    except KeyError as error:
        raise InputError(f"{key}.fields", f"{name} lacks a column {error}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{key}.{FROM_FILE}", f"{shown(name)} cannot be read: {error}") from None
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or not min(lengths):
        raise InputError(f"{key}.{FROM_FILE}", f"{shown(name)} has no points, or columns of different lengths")
    if max(lengths) > MOST_VALUES:
        raise InputError(f"{key}.{FROM_FILE}", f"{shown(name)} has {max(lengths)} points; at most {MOST_VALUES}")
    return columns


def _table(path: Path, wanted: Any) -> dict[str, list[Any]]:
    import pandas as pd

    table = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", encoding="utf-8-sig", skipinitialspace=True)
    names = list(table.columns) if wanted is None else list(wanted)
    for name in names:
        if table[name].isna().any():
            raise ValueError(f"the column {name!r} has an empty cell")
    return {str(name): table[name].tolist() for name in names}


def _netcdf(path: Path, wanted: Any) -> dict[str, list[Any]]:
    import xarray as xr

    with xr.open_dataset(path, decode_times=False) as data:
        names = [str(name) for name in data.variables if name not in data.dims] if wanted is None else list(wanted)
        return {name: np.atleast_1d(data[name].values).tolist() for name in names}
