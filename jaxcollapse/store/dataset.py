"""The dataset: labelled arrays over the axes, replicates and recorded generations, in memory or in a file."""

from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import netCDF4
import numpy as np
import xarray as xr

from jaxcollapse.distributions.labels import storable
from jaxcollapse.execute import MISSING
from jaxcollapse.execute.provenance import encode, merged, now, timestamp
from jaxcollapse.planning.library import Library
from jaxcollapse.planning.resolution import warning
from jaxcollapse.store.attributes import check_attributes
from jaxcollapse.store.boxes import CHUNK_BYTES, chunk_shape, slabs
from jaxcollapse.store.coordinates import coordinates, replicates_of, with_flags
from jaxcollapse.store.foreign import StrangeFileError, check_size, check_variable, opened
from jaxcollapse.store.inputs import with_points
from jaxcollapse.store.layout import COMPRESSION, Layout, layouts, rows_of
from jaxcollapse.store.placement import PlacedPart, place
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.netcdf import open_dataset, open_netcdf, write_dataset
from jaxcollapse.system.netcdf_turn import TURN


def assemble(
    sweep: Sweep,
    library: Library,
    parts: Sequence[PlacedPart],
    told: Iterable[dict[str, Any]],
    asked: np.ndarray | None = None,
) -> xr.Dataset:
    """The whole dataset in memory, as xarray decodes it from a file.

    Args:
        sweep: what was computed.
        library: its initial distributions.
        parts: what has been computed of it.
        told: the provenance of each part.
        asked: for each cell how many replicates a rule asks for; None without a rule.
    """
    data = _skeleton(sweep, library, told, asked)
    for layout in layouts(sweep, library):
        values = place(layout, parts, 0, prod(layout.outer)).reshape(layout.shape)
        data[layout.name] = _decoded(layout, values)
    return data


def write(
    path: Path,
    sweep: Sweep,
    library: Library,
    parts: Sequence[PlacedPart],
    told: Iterable[dict[str, Any]],
    asked: np.ndarray | None = None,
    **attributes: str,
) -> None:
    """Writes the dataset to a netCDF file, slab by slab: no variable is in memory as a whole.

    Raises:
        RuntimeError or OSError: it cannot be written, or a part not be read.
    """
    data = _skeleton(sweep, library, told, asked).assign_attrs(attributes)
    texts = {name: _as_characters(variable) for name, variable in data.variables.items() if variable.dtype.kind in "UO"}
    with TURN:
        write_dataset(data, path, texts)
    for layout in layouts(sweep, library):
        with (
            TURN,
            open_netcdf(path, "a") as file,
        ):  # for each anew: HDF5 may mix up attributes that were made in one go
            _write(file, layout, parts)


def write_whole(data: xr.Dataset, path: Path) -> None:
    """Writes a dataset that is in memory to a netCDF file.

    Raises:
        RuntimeError or OSError: it cannot be written.
    """
    texts = {name: _as_characters(variable) for name, variable in data.variables.items() if variable.dtype.kind in "UO"}
    numbers = {
        name: {
            **{key: value for key, value in variable.encoding.items() if key in ("dtype", "_FillValue")},
            **COMPRESSION,
            "chunksizes": chunk_shape(variable.shape, variable.dtype.itemsize),
        }
        for name, variable in data.data_vars.items()
        if variable.ndim
    }
    with TURN:
        write_dataset(data, path, {**texts, **numbers})


def lazily(path: Path) -> xr.Dataset:
    """Opens a dataset's file. Units are those of the observables, never of time.

    Threads read it in turn, with each other and with runs that write.
    """
    with TURN:
        return with_flags(open_dataset(path, decode_times=False, lock=TURN))


class Recognised(NamedTuple):
    """What a dataset's file was recognised as.

    Attributes:
        is_this: whether it is the dataset of the shards in question.
        trajectories: number of trajectories in it.
        sweep: its sweep as TOML.
    """

    is_this: bool
    trajectories: int
    sweep: str


def recognised(path: Path, sweep: Sweep, content: str) -> Recognised | None:
    """What a whole file, of any origin, is; None if it is not a dataset, or not the one it says.

    content: a digest of the shards, as `write` was given it.

    Raises:
        OSError: it could not be read, and may be all right.
        MemoryError: the same.
    """
    try:
        with opened(path) as file:
            for name in {"status", *file.dimensions} & file.variables.keys():  # which xarray reads at once
                check_size(file, name)
            held = file.variables["status"]
            check_variable(file, "status", np.dtype("int8"), held.dimensions)
            check_attributes(file)
            number, text = int((held[:] != MISSING).sum()), str(file.getncattr("sweep"))
            is_this = file.getncattr("shards") == content
            if is_this and (text != sweep.to_toml() or not _has_its_records(file, sweep)):
                return None
            for name, (dtype, dims) in rows_of(sweep).items() if is_this else ():
                check_variable(file, name, dtype, (*sweep.dims, "replicate", *dims))
                if file.variables[name].shape[: len(sweep.dims) + 1] != (*sweep.shape, sweep.replicates):
                    return None
            lazily(path).close()  # xarray decodes it, too
    except StrangeFileError:
        return None
    return Recognised(is_this, number, text)


def _has_its_records(file: netCDF4.Dataset, sweep: Sweep) -> bool:
    """Whether a file has the generations and replicates of a sweep."""
    wanted = {"generation": sweep.recorded, "replicate": np.arange(sweep.replicates)}
    return all(np.array_equal(file.variables[name][:], values) for name, values in wanted.items())


def _as_characters(variable: xr.Variable) -> dict[str, Any]:
    """How text is stored: as bytes of UTF-8 along a dimension that no axis can be called like.

    HDF5 ends the process where text of any length is in a file that is written to while an earlier one is still open.
    """
    longest = max(len(text.encode()) for text in variable.values.ravel().tolist())
    return {**COMPRESSION, "dtype": "S1", "char_dim_name": f"characters.{max(longest, 1)}"}


def _write(file: netCDF4.Dataset, layout: Layout, parts: Sequence[PlacedPart]) -> None:
    itemsize = layout.dtype.itemsize
    variable = file.createVariable(
        layout.name,
        layout.dtype,
        layout.dims,
        **COMPRESSION,
        chunksizes=chunk_shape(layout.shape, itemsize),
        chunk_cache=CHUNK_BYTES,  # no more, since chunks are written whole, and each once
        fill_value=layout.fill_value,
    )
    variable.setncatts(layout.attributes)
    variable.set_auto_maskandscale(False)
    for slab in slabs(layout.outer, layout.inner, itemsize):
        start = int(np.ravel_multi_index([part.start for part in slab], layout.outer))
        sizes = [part.stop - part.start for part in slab]
        # No name for the numbers, or they would still be there while those of the next slab are read.
        variable[slab] = place(layout, parts, start, start + prod(sizes)).reshape(*sizes, *layout.inner)


def _decoded(layout: Layout, values: np.ndarray) -> xr.Variable:
    """Whole numbers with a fill value as floating point with NaN, as xarray reads them from a file."""
    encoding = dict(COMPRESSION)
    if layout.declared:
        encoding["_FillValue"] = layout.fill_value
        if np.issubdtype(layout.dtype, np.integer):
            encoding["dtype"] = layout.dtype
            values = np.where(values == layout.missing, np.nan, values.astype(float))
    return xr.Variable(layout.dims, values, layout.attributes, encoding)


def _skeleton(
    sweep: Sweep, library: Library, told: Iterable[dict[str, Any]], asked: np.ndarray | None = None
) -> xr.Dataset:
    """The dataset without its variables: coordinates and attributes."""
    records = list(told)
    latest = max(records, key=lambda record: record["end"], default=None)
    data = xr.Dataset(coords=coordinates(sweep, library))
    if asked is not None:
        data = data.assign_coords(replicates=replicates_of(sweep, asked))
    data.attrs = {
        "Conventions": "CF-1.11",
        "title": storable(sweep.title) or "jaxcollapse sweep",
        "source": f"jaxcollapse {latest['versions']['jaxcollapse']}" if latest else "jaxcollapse",
        "history": f"{timestamp(now())} assembled by jaxcollapse",
        "support_threshold": sweep.support_threshold,
        "collapse_threshold": sweep.collapse_threshold,
        "sweep": with_points(sweep).to_toml(),
        "provenance": encode(merged(records)),
    }
    if (comment := warning(sweep, library)) is not None:
        data.attrs["comment"] = comment
    return data
