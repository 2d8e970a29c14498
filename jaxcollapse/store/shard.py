"""A shard: the netCDF file of one chunk.

It is written under a temporary name in the same folder, sealed, flushed, and moved into place. It counts only if the
seal is unbroken, and the study's fingerprint and its own name are recorded in it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.execute import Result
from jaxcollapse.planning.plan import chunk_id
from jaxcollapse.store.atomic import is_sealed, replacing, seal
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
    data.attrs = {"study": fingerprint, "chunk": chunk.id, "provenance": encode(dict(told))}
    path = folder / f"{chunk.id}.nc"
    with replacing(path) as temporary:
        data.to_netcdf(temporary, engine="netcdf4", encoding=dict.fromkeys(data.data_vars, _COMPRESSION))
        seal(temporary)
    return path


def read_shard(path: Path, fingerprint: str) -> xr.Dataset:
    """The content of a shard, verified and loaded.

    Raises:
        BadShardError: with the reason.
    """
    try:
        if not is_sealed(path):
            raise BadShardError("is damaged, or no shard")
        with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as file:
            data = file.load()
    except OSError as error:
        raise BadShardError(f"cannot be read: {error}") from None
    if data.attrs["study"] != fingerprint:
        raise BadShardError("belongs to another study")
    if not data.attrs["chunk"] == chunk_id(data.cell.values, data.replicate.values) == path.stem:
        raise BadShardError("has another name than was given to it")
    return data
