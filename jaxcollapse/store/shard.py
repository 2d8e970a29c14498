"""A shard: the netCDF file of one chunk.

It is written under a temporary name in the same folder, sealed, flushed, and moved into place. It counts only if the
seal is unbroken, and the study's fingerprint and its own name are recorded in it.
"""

import errno
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from jaxcollapse.execute import Result
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.planning.plan import chunk_id
from jaxcollapse.store.atomic import is_sealed, replacing, seal
from jaxcollapse.store.provenance import encode
from jaxcollapse.store.regions import chunk_shape

_COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True}


class BadShardError(ValueError):
    """A file that is not a shard of this study, or is damaged."""


def write_shard(
    folder: Path,
    result: Result,
    identities: np.ndarray,
    recorded: np.ndarray,
    fingerprint: str,
) -> Path:
    """Writes a computed chunk.

    Args:
        folder: where to.
        result: the chunk.
        identities: of each of its trajectories' cells.
        recorded: the recorded generations.
        fingerprint: of the study.
    """
    chunk = result.chunk
    data = xr.Dataset(
        {
            "cell": ("trajectory", identities),
            "replicate": ("trajectory", chunk.replicates),
            "status": ("trajectory", result.status),
            **{name: ("trajectory", values) for name, values in result.events.items()},
            **{name: (_dims(name, values), values) for name, values in result.series.items()},
        },
        coords={"generation": recorded},
    )
    if result.logits is not None:
        contexts = ("context",) if result.logits.ndim == 4 else ()
        data["logits"] = (("trajectory", "generation", *contexts, "token"), result.logits)
    data.attrs = {"study": fingerprint, "chunk": chunk.id, "provenance": encode(result.provenance)}
    encoding = {
        name: {**_COMPRESSION, "chunksizes": chunk_shape(variable.shape, variable.dtype.itemsize)}
        for name, variable in data.data_vars.items()
    }
    path = folder / f"{chunk.id}.nc"
    with replacing(path) as temporary:
        data.to_netcdf(temporary, engine="netcdf4", encoding=encoding)
        _read_back(temporary, data)
        seal(temporary)
    return path


def _read_back(path: Path, data: xr.Dataset) -> None:
    """Raises OSError unless a file holds the bits that were to be written to it."""
    with netCDF4.Dataset(path) as file:
        for name, variable in data.variables.items():
            if _values(file, str(name)).tobytes() != variable.values.tobytes():
                raise OSError(errno.EIO, f"{name} is read back from it other than it was written", str(path))


def _dims(name: str, values: np.ndarray) -> tuple[str, ...]:
    extra = OBSERVABLES[name].dim if values.ndim == 3 else None
    return ("trajectory", "generation", extra) if extra else ("trajectory", "generation")


@dataclass(frozen=True)
class Header:
    """What a shard says of its trajectories: the identity of the cell, replicate and status of each, and provenance."""

    cells: np.ndarray
    replicates: np.ndarray
    status: np.ndarray
    told: dict[str, Any]


def read_header(path: Path, fingerprint: str) -> Header:
    """Verifies the whole of a shard, but loads no more of it than must be known to place its trajectories.

    Raises:
        BadShardError: with the reason.
    """
    try:
        if not is_sealed(path):
            raise BadShardError("is damaged, or no shard")
        with netCDF4.Dataset(path) as file:
            if getattr(file, "study", None) != fingerprint:
                raise BadShardError("belongs to another study")
            cells, replicates, status = (_values(file, name) for name in ("cell", "replicate", "status"))
            name, told = file.chunk, json.loads(file.provenance)
    except OSError as error:
        raise BadShardError(f"cannot be read: {error}") from None
    if not name == chunk_id(cells, replicates) == path.stem:
        raise BadShardError("has another name than was given to it")
    return Header(cells, replicates, status, told)


def read_variable(path: Path, name: str, some: slice) -> np.ndarray:
    """A variable of a verified shard, for a range of its trajectories."""
    with netCDF4.Dataset(path) as file:
        return _values(file, name, some)


def _values(file: netCDF4.Dataset, name: str, some: slice = slice(None)) -> np.ndarray:
    """Numbers as they are stored."""
    variable = file[name]
    variable.set_auto_maskandscale(False)
    values: np.ndarray = variable[some]
    return values
