"""A shard: the netCDF file of one chunk.

It is written under a temporary name in the same folder, flushed, and moved into place. It counts only if the study's
fingerprint and its own name are recorded in it and its content has the recorded checksum.
"""

import contextlib
import hashlib
import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.execute import Result
from jaxcollapse.planning.plan import chunk_id
from jaxcollapse.store.provenance import encode

_COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True}


class BadShardError(ValueError):
    """A file that is not a shard of this study, or is damaged."""


def write_shard(
    folder: Path,
    result: Result,
    identities: np.ndarray,
    recorded: np.ndarray,
    fingerprint: str,
    told: Mapping[str, Any],
) -> Path:
    """Writes a computed chunk.

    Args:
        folder: where to.
        result: the chunk.
        identities: of each of its trajectories' cells.
        recorded: the recorded generations.
        fingerprint: of the study.
        told: provenance.
    """
    chunk = result.chunk
    data = xr.Dataset(
        {
            "cell": ("trajectory", identities),
            "replicate": ("trajectory", chunk.replicates),
            "status": ("trajectory", result.status),
            **{name: ("trajectory", values) for name, values in result.events.items()},
            **{name: (("trajectory", "generation"), values) for name, values in result.series.items()},
        },
        coords={"generation": recorded},
    )
    if result.logits is not None:
        data["logits"] = (("trajectory", "generation", "token"), result.logits)
    data.attrs = {
        "study": fingerprint,
        "chunk": chunk.id,
        "checksum": checksum(data),
        "provenance": encode(dict(told)),
    }
    path = folder / f"{chunk.id}.nc"
    write_atomically(data, path, dict.fromkeys(list(data.data_vars), _COMPRESSION))
    return path


def write_atomically(data: xr.Dataset, path: Path, encoding: Mapping[Hashable, Any]) -> None:
    """Writes a netCDF file so that `path` is either untouched or whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        data.to_netcdf(temporary, engine="netcdf4", encoding=dict(encoding))
        move_into_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def move_into_place(temporary: Path, path: Path) -> None:
    """Flushes a file to disk and gives it its name."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_shard(path: Path, fingerprint: str) -> xr.Dataset:
    """The content of a shard, verified and loaded.

    Raises:
        BadShardError: with the reason.
    """
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as file:
            data = file.load()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise BadShardError(f"cannot be read: {error}") from None
    if data.attrs.get("study") != fingerprint:
        raise BadShardError("belongs to another study")
    if data.attrs.get("chunk") != path.stem:
        raise BadShardError("has another name than was given to it")
    try:
        if chunk_id(data.cell.values, data.replicate.values) != path.stem or data.attrs["checksum"] != checksum(data):
            raise BadShardError("its content has changed")
    except (AttributeError, KeyError):
        raise BadShardError("parts of it are missing") from None
    return data


def checksum(data: xr.Dataset) -> str:
    """SHA-256 of all variables' names and values."""
    digest = hashlib.sha256()
    for name in sorted(map(str, data.variables)):
        values = np.ascontiguousarray(data[name].values)
        digest.update(f"{name}:{values.dtype.str}:{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
