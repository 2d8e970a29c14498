"""The coordinates of the dataset: what was swept, what was held constant, and what tokens are called."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.distributions import InitialKind
from jaxcollapse.distributions.labels import storable
from jaxcollapse.parts import cell_kinds
from jaxcollapse.planning.library import Library
from jaxcollapse.store.names import names_of_contexts, names_of_personas, names_of_sources, names_of_tokens
from jaxcollapse.sweep.axes import Axis
from jaxcollapse.sweep.display import conditions_of, label
from jaxcollapse.sweep.process_fields import fields, is_flag, used_when
from jaxcollapse.sweep.sweep import Sweep


def coordinates(sweep: Sweep, library: Library) -> dict[str, xr.Variable]:
    """Coordinates by name: those of the dimensions, what varies along them, and constants that have an effect."""
    grid = sweep.grid
    made: dict[str, xr.Variable] = {}
    for axis in grid.axes:
        if list(axis.fields) != [axis.name]:
            position = np.arange(len(axis), dtype=np.int32)
            told = {"long_name": f"position along {axis.name}", "units": "1"}
            made[axis.name] = xr.Variable(axis.name, position, told)
        for field, values in axis.fields.items():
            made[field] = xr.Variable(axis.name, _as_array(values), _attributes(field, axis))
    made.update(_places(sweep))
    swept = {field.split(".")[0] for axis in grid.axes for field in axis.fields}
    for field in grid.derived:
        made.update(_reduced(sweep, field, grid.numbers(field)))
    for field in fields():
        if (
            field in swept
            or field in grid.derived
            or field in ("vocab_size", "samples", "personas")
            or not _is_told(sweep, field)
        ):
            continue
        value, *others = grid.column(field).values
        if others:  # parts that have defaults of their own
            column = grid.column(field)
            is_word = any(isinstance(each, str) for each in column.values)
            each_cells = _as_array(column.values)[column.codes] if is_word else grid.numbers(field)
            made.update(_reduced(sweep, field, each_cells))
            continue
        made[field] = xr.Variable((), _as_array([_as_written(value, sweep)])[0], _attributes(field))
    if "vocab_size" not in sweep.dims and "vocab_size" not in grid.derived:  # p0 may bring its own number of tokens
        made.update(_reduced(sweep, "vocab_size", library.sizes))
    if "personas" not in swept and (is_persona := sweep.grid.has("model", "persona")).any():
        made.update(_reduced(sweep, "personas", np.where(is_persona, library.contexts - 1, 0)))
    if "samples" not in swept and "samples" not in grid.derived:
        made.update(_reduced(sweep, "samples", cell_kinds.samples(grid)))
    for threshold in ("support_threshold", "collapse_threshold"):  # of each cell, when datasets are joined
        told = {"long_name": threshold.replace("_", " "), "units": "1"}
        made[threshold] = xr.Variable((), getattr(sweep, threshold), told)
    told = {"long_name": "replicate", "units": "1"}
    made["replicate"] = xr.Variable("replicate", np.arange(sweep.replicates, dtype=np.int32), told)
    told = {"long_name": "generation", "units": "1"}
    made["generation"] = xr.Variable("generation", sweep.recorded, told)
    which = _reduced(sweep, "vocab_size", library.index, absent=0)["vocab_size"]
    if sweep.record.logits or sweep.record.texts:
        made.update(names_of_tokens(library, which))
    if sweep.record.logits and sweep.is_structured:
        made.update(names_of_contexts(library, which))
    if sweep.record.texts:
        for dim, size in (("sample", sweep.record.texts), ("place", sweep.record.text_length)):
            made[dim] = xr.Variable(dim, np.arange(size, dtype=np.int32), {"long_name": dim, "units": "1"})
    if any(entry.dim == "persona" for entry in sweep.chosen):
        made.update(names_of_personas(library, which))
    if any(entry.dim == "source" for entry in sweep.chosen):
        made.update(names_of_sources(library, which))
    if any(entry.dim == "k" for entry in sweep.chosen):
        told = {"long_name": "number of traces", "units": "1"}
        made["k"] = xr.Variable("k", np.array(sweep.attempts, np.int32), told)
    return made


def replicates_of(sweep: Sweep, asked: np.ndarray) -> xr.Variable:
    """How many replicates a rule asks for in each cell, over all axes."""
    told = {
        "long_name": "number of replicates",
        "units": "1",
        "description": "How many replicates the rule in the sweep file asks for in this cell; no further ones are "
        "missing. 0 where the sweep has no cell.",
    }
    return xr.Variable(sweep.dims, sweep.grid.at_places(asked.astype(np.int32), 0).reshape(sweep.shape), told)


def with_flags(data: xr.Dataset) -> xr.Dataset:
    """A dataset whose fields that are true or false are so, where an earlier version wrote 1 and 0."""
    numbers = {
        name: data[name].astype(bool)
        for name in data.coords
        if is_flag(str(name)) and np.issubdtype(data[name].dtype, np.integer)
    }
    if not numbers:
        return data
    made = data.assign_coords(numbers)
    made.set_close(data.close)
    return made


def _places(sweep: Sweep) -> dict[str, xr.Variable]:
    """Which places have no cell, and which repeat the cell of an earlier one; of neither if all have their own."""
    grid, made = sweep.grid, dict[str, xr.Variable]()
    if grid.places is None:
        return made
    at = grid.places.at
    if (at < 0).any():
        told = "Whether the sweep has a cell here. Elsewhere all trajectories are missing."
        attributes = {"long_name": "the sweep has a cell here", "units": "1", "description": told}
        made["is_cell"] = xr.Variable(sweep.dims, (at >= 0).reshape(sweep.shape), attributes)
    if (repeats := (at >= 0) & (grid.first_places[at] != np.arange(len(at)))).any():
        told = "Whether an earlier place has the same cell. An axis has no effect on it: its values are repeated."
        attributes = {"long_name": "repeats another cell", "units": "1", "description": told}
        made["is_repeated"] = xr.Variable(sweep.dims, repeats.reshape(sweep.shape), attributes)
    return made


def _reduced(sweep: Sweep, field: str, values: np.ndarray, absent: Any = None) -> dict[str, xr.Variable]:
    """A number or word of each cell, along the axes that it changes with only.

    absent: the value where there is no cell, by default NaN or an empty text.
    """
    distinct, codes = np.unique(values, return_inverse=True)
    places = sweep.grid.at_places(codes.reshape(-1), -1).reshape(sweep.shape)
    dims = list(sweep.dims)
    for place, dimension in reversed(list(enumerate(sweep.dims))):
        greatest = places.max(axis=place, keepdims=True)
        if (places == np.where(places < 0, -1, greatest)).all():  # what is not there says nothing
            places = greatest.squeeze(axis=place)
            dims.remove(dimension)
    numbers = np.issubdtype(distinct.dtype, np.number)
    absent = absent if absent is not None else np.nan if numbers else ""
    if numbers and (places >= 0).all() and np.isfinite(distinct).all() and (distinct == np.round(distinct)).all():
        distinct = distinct.astype(np.int64)
    array = np.where(places < 0, absent, distinct[places]) if (places < 0).any() else distinct[places]
    return {field: xr.Variable(dims, array, _attributes(field))}


def _is_told(sweep: Sweep, field: str) -> bool:
    """Whether a constant becomes a coordinate: it has an effect, and it is given or is not just switched off."""
    used = used_when().get(field)
    has_effect = used is None or bool(used.holds(sweep.grid).any())
    return has_effect and (field in sweep.grid.given or not fields()[field].is_off)


def _as_written(value: Any, sweep: Sweep) -> Any:
    """A distribution whose files have the paths that the sweep file names them with, wherever the study is."""
    if not isinstance(value, InitialKind) or not value.paths:
        return value
    paths = [Path(path) for path in value.paths]
    return value.at(
        *(str(path.relative_to(sweep.folder) if path.is_relative_to(sweep.folder) else path) for path in paths)
    )


def _as_array(values: list[Any]) -> np.ndarray:
    if all(isinstance(value, bool) for value in values):
        return np.array(values, bool)  # which xarray writes as int8 with the attribute dtype = "bool"
    if all(isinstance(value, int) for value in values):
        return np.array(values, np.int64)
    if all(isinstance(value, int | float) for value in values):
        return np.array(values, float)
    return np.array([storable(label(value)) for value in values])


def _attributes(field: str, axis: Axis | None = None) -> dict[str, str]:
    first, *rest = field.split(".")
    if rest:
        made = {"long_name": f"{' '.join(rest)} of the initial distribution", "units": "1"}
    elif first in fields():
        made = {"long_name": fields()[first].label, "units": fields()[first].units}
    else:  # numbers that fields follow from
        made = {"long_name": field.replace("_", " "), "units": "1"}
    if axis is not None and axis.where:
        made["where"] = storable(conditions_of(axis))
    if axis is not None and axis.derived:
        made["description"] = "; ".join(f"{name} = {how}" for name, how in axis.derived.items())
    return made
