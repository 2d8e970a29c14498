"""The dataset: labelled arrays over the axes, replicates and recorded generations."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.execute import MISSING, STATUS_MEANINGS, Result
from jaxcollapse.initial.distribution import Distribution
from jaxcollapse.kernel import NOT_YET
from jaxcollapse.observables import Observable, select
from jaxcollapse.planning.library import Library
from jaxcollapse.store.provenance import encode, now, timestamp
from jaxcollapse.sweep import rules
from jaxcollapse.sweep.display import label
from jaxcollapse.sweep.process import Process
from jaxcollapse.sweep.sweep import Sweep

_SWITCHED_OFF = ("top_k", "top_p", "min_p", "fresh_fraction", "replacement", "mixing")
_COMPRESSION = {"zlib": True, "complevel": 4, "shuffle": True}


@dataclass(frozen=True)
class Part:
    """Trajectories to be placed: flat indices of cell and replicate, and a reader of their variables by name."""

    cells: np.ndarray
    replicates: np.ndarray
    read: Callable[[str], np.ndarray]


def part_of(result: Result) -> Part:
    """A computed chunk as a part of the dataset."""
    variables = {**result.series, **result.events, "status": result.status}
    if result.logits is not None:
        variables["logits"] = result.logits
    return Part(result.chunk.cells, result.chunk.replicates, variables.__getitem__)


def skeleton(sweep: Sweep, library: Library, told: Iterable[dict[str, Any]]) -> xr.Dataset:
    """The dataset without its variables: coordinates and attributes."""
    data = xr.Dataset(coords=_coordinates(sweep, library))
    records = list(told)
    latest = max(records, key=lambda record: record["end"], default=None)
    data.attrs = {
        "Conventions": "CF-1.11",
        "title": sweep.title or "jaxcollapse sweep",
        "source": f"jaxcollapse {latest['versions']['jaxcollapse']}" if latest else "jaxcollapse",
        "history": f"{timestamp(now())} assembled by jaxcollapse",
        "support_threshold": sweep.support_threshold,
        "collapse_threshold": sweep.collapse_threshold,
        "sweep": sweep.to_toml(),
        "provenance": encode(_merged(records)),
    }
    return data


def variables(sweep: Sweep, library: Library, parts: list[Part]) -> Iterator[tuple[str, xr.Variable]]:
    """The variables one by one, each filled from all parts; what is missing holds the fill value."""
    for entry in select(sweep.observables):
        yield entry.name, _observable(sweep, entry, parts)
    if sweep.record.logits:
        yield "logits", _logits(sweep, library, parts)
    values = _fill(sweep, parts, "status", (), np.int8, MISSING)
    flags = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": STATUS_MEANINGS}
    described = "Whether the trajectory was computed; diverged: its logits left the floating-point range."
    attributes = {"long_name": "status of the trajectory", "units": "1", "description": described, **flags}
    yield "status", xr.Variable((*sweep.dims, "replicate"), values, attributes, _COMPRESSION)


def assemble(sweep: Sweep, library: Library, parts: list[Part], told: Iterable[dict[str, Any]]) -> xr.Dataset:
    """The whole dataset in memory, as xarray decodes it from a file."""
    data = skeleton(sweep, library, told)
    for name, variable in variables(sweep, library, parts):
        data[name] = _decoded(variable)
    return data


def _decoded(variable: xr.Variable) -> xr.Variable:
    """Whole numbers with a fill value as floating point with NaN, as xarray reads them from a file."""
    fill = variable.encoding.get("_FillValue")
    if fill is None or not np.issubdtype(variable.dtype, np.integer):
        return variable
    values = np.where(variable.values == fill, np.nan, variable.values.astype(float))
    return xr.Variable(variable.dims, values, variable.attrs, {**variable.encoding, "dtype": variable.dtype})


def _observable(sweep: Sweep, entry: Observable, parts: list[Part]) -> xr.Variable:
    attributes = {"long_name": entry.long_name, "units": entry.units, "description": entry.description}
    dtype, fill = (np.dtype("int32"), float(NOT_YET)) if entry.whole else (np.dtype(sweep.precision), np.nan)
    stored = {**_COMPRESSION, "_FillValue": np.array(fill, dtype)[()]}
    if entry.is_event:
        attributes["censoring"] = f"missing where it has not happened by generation {sweep.generations}"
        values = _fill(sweep, parts, entry.name, (), dtype, fill)
        return xr.Variable((*sweep.dims, "replicate"), values, attributes, stored)
    values = _fill(sweep, parts, entry.name, (len(sweep.recorded),), dtype, fill)
    return xr.Variable((*sweep.dims, "replicate", "generation"), values, attributes, stored)


def _logits(sweep: Sweep, library: Library, parts: list[Part]) -> xr.Variable:
    width = int(library.sizes.max())
    dtype = np.dtype(sweep.precision)
    values = _fill(sweep, parts, "logits", (len(sweep.recorded), width), dtype, np.nan)
    beyond = np.arange(width) >= library.sizes.reshape(*sweep.shape, 1, 1, 1)
    np.copyto(values, np.nan, where=np.broadcast_to(beyond, values.shape))
    attributes = {
        "long_name": "logit",
        "units": "1",
        "description": "ln p up to a constant of the trajectory; −inf for tokens that died out, "
        "missing beyond the vocabulary.",
    }
    stored = {**_COMPRESSION, "_FillValue": dtype.type(np.nan)}
    return xr.Variable((*sweep.dims, "replicate", "generation", "token"), values, attributes, stored)


def _fill(
    sweep: Sweep, parts: list[Part], name: str, shape: tuple[int, ...], dtype: np.typing.DTypeLike, fill: float
) -> np.ndarray:
    values = np.full((sweep.grid.cells, sweep.replicates, *shape), fill, dtype)
    for part in parts:
        read = part.read(name)
        if name == "logits":
            values[part.cells, part.replicates, :, : read.shape[-1]] = read
        else:
            values[part.cells, part.replicates] = read
    return values.reshape(*sweep.shape, sweep.replicates, *shape)


def _coordinates(sweep: Sweep, library: Library) -> dict[str, xr.Variable]:
    grid, coordinates = sweep.grid, {}
    for axis in grid.axes:
        if list(axis.fields) != [axis.name]:
            position = np.arange(len(axis), dtype=np.int32)
            told = {"long_name": f"position along {axis.name}", "units": "1"}
            coordinates[axis.name] = xr.Variable(axis.name, position, told)
        for field, values in axis.fields.items():
            coordinates[field] = xr.Variable(axis.name, _as_array(values), _attributes(field))
    swept = {field.split(".")[0] for axis in grid.axes for field in axis.fields}
    for field in Process.model_fields:
        if field in swept or field in ("vocab_size", "samples") or not _is_told(sweep, field):
            continue
        coordinates[field] = xr.Variable((), _as_array(grid.column(field).values)[0], _attributes(field))
    if "vocab_size" not in swept:
        coordinates.update(_reduced(sweep, "vocab_size", library.sizes))
    if "samples" not in swept:
        coordinates.update(_reduced(sweep, "samples", rules.samples(grid)))
    told = {"long_name": "replicate", "units": "1"}
    coordinates["replicate"] = xr.Variable("replicate", np.arange(sweep.replicates, dtype=np.int32), told)
    told = {"long_name": "generation", "units": "1"}
    coordinates["generation"] = xr.Variable("generation", sweep.recorded, told)
    if sweep.record.logits:
        coordinates.update(_tokens(sweep, library))
    return coordinates


def _reduced(sweep: Sweep, field: str, values: np.ndarray) -> dict[str, xr.Variable]:
    """A number of each cell, along the axes that it changes with only."""
    array = values.reshape(sweep.shape)
    dims: list[str] = []
    for place, dimension in reversed(list(enumerate(sweep.dims))):
        first = array.take([0], axis=place)
        if (array == first).all():
            array = array.take(0, axis=place)
        else:
            dims.insert(0, dimension)
    whole = np.isfinite(array).all() and (array == np.round(array)).all()
    return {field: xr.Variable(dims, array.astype(np.int64) if whole else array, _attributes(field))}


def _tokens(sweep: Sweep, library: Library) -> dict[str, xr.Variable]:
    """Labels of the tokens: along `token` if all cells agree, else a coordinate `token_label` along more axes."""
    width = int(library.sizes.max())
    longest = max(library.distributions, key=lambda distribution: distribution.size)
    told = {"long_name": "token", "units": "1"}

    def agrees(other: Distribution) -> bool:
        if (longest.labels is None) != (other.labels is None):
            return False
        return longest.labels is None or bool((longest.labels[: other.size] == other.labels).all())

    if all(map(agrees, library.distributions)):
        labels = np.arange(width, dtype=np.int32) if longest.labels is None else longest.labels
        extra = {
            name: xr.Variable("token", values, {"long_name": name, "units": "1"})
            for name, values in longest.coordinates.items()
        }
        return {"token": xr.Variable("token", labels, told), **extra}
    rows = np.full((len(library.distributions), width), "", object)
    for row, distribution in zip(rows, library.distributions, strict=True):
        labels = np.arange(distribution.size) if distribution.labels is None else distribution.labels
        row[: distribution.size] = labels.astype(str)
    index = _reduced(sweep, "vocab_size", library.index)["vocab_size"]
    label_told = {"long_name": "token", "units": "1"}
    return {
        "token": xr.Variable("token", np.arange(width, dtype=np.int32), {"long_name": "token number", "units": "1"}),
        "token_label": xr.Variable((*index.dims, "token"), rows.astype(str)[index.values], label_told),
    }


def _is_told(sweep: Sweep, field: str) -> bool:
    """Whether a constant becomes a coordinate: it has an effect, and it is given or is not just switched off."""
    used = rules.USED_WHEN.get(field)
    has_effect = used is None or bool(used[1](sweep.grid).any())
    return has_effect and (field in sweep.grid.given or field not in _SWITCHED_OFF)


def _as_array(values: list[Any]) -> np.ndarray:
    if all(isinstance(value, bool) for value in values):
        return np.array(values, np.int8)
    if all(isinstance(value, int) for value in values):
        return np.array(values, np.int64)
    if all(isinstance(value, int | float) for value in values):
        return np.array(values, float)
    return np.array([label(value) for value in values])


def _attributes(field: str) -> dict[str, str]:
    first, *rest = field.split(".")
    if rest:
        return {"long_name": f"{' '.join(rest)} of the initial distribution", "units": "1"}
    extra = Process.model_fields[first].json_schema_extra
    assert isinstance(extra, dict)
    return {key: str(extra[key]) for key in ("long_name", "units")}


def _merged(records: list[dict[str, Any]]) -> dict[str, Any]:
    """One provenance of several runs: the latest one's, with all times and whatever differs."""
    if not records:
        return {}
    latest = dict(max(records, key=lambda record: record["end"]))
    latest["start"] = min(record["start"] for record in records)
    for key in ("versions", "device_kind", "platform", "git_commit"):
        kinds = list({encode({key: record[key]}): record[key] for record in records}.values())
        if len(kinds) > 1:
            latest[f"{key}_mixed"] = kinds
    return latest
