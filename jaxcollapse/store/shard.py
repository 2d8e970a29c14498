"""A shard: the netCDF file of one chunk.

It is written under a temporary name in the same folder, sealed, flushed, and moved into place. It counts only if the
seal is unbroken, and the study's fingerprint and its own name are recorded in it. It may be a link to such a file.
"""

import errno
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from jaxcollapse.execute import COMPLETE, DIVERGED, Result
from jaxcollapse.execute.provenance import encode, is_provenance
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.planning.chunk import chunk_id
from jaxcollapse.store.boxes import chunk_shape
from jaxcollapse.store.extension import FORMAT, fingerprint, goes_on
from jaxcollapse.store.foreign import StrangeFileError, check_variable, opened
from jaxcollapse.store.layout import rows_of, state_of
from jaxcollapse.store.read_cache import recalled
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.atomic import replacing, seal, seal_of
from jaxcollapse.system.netcdf import open_netcdf, write_dataset
from jaxcollapse.system.netcdf_turn import TURN

_COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True}


_MOST_TOLD = 2**20  # characters of provenance


class BadShardError(StrangeFileError):
    """A file that is not a shard of this study, or is damaged.

    path: the file, where it seemed to be a shard.
    """

    def __init__(self, reason: str, path: Path | None = None):
        super().__init__(reason)
        self.path = path


def write_shard(folder: Path, result: Result, identities: np.ndarray, sweep: Sweep) -> Path:
    """Writes a computed chunk.

    Args:
        folder: where to.
        result: the chunk, with all records of its trajectories.
        identities: of each of its trajectories' cells.
        sweep: the study's.
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
        coords={"generation": sweep.recorded},
    )
    if result.logits is not None:
        contexts = ("context",) if result.logits.ndim == 4 else ()
        data["logits"] = (("trajectory", "generation", *contexts, "token"), result.logits)
    if result.state is not None:
        data["state"] = (("trajectory", "word"), result.state)
    data.attrs = {
        "format": FORMAT,
        "study": fingerprint(sweep),
        "recorded": sweep.recorded,
        "chunk": chunk.id,
        "provenance": encode(result.provenance),
    }
    encoding = {
        name: {**_COMPRESSION, "chunksizes": chunk_shape(variable.shape, variable.dtype.itemsize)}
        for name, variable in data.data_vars.items()
    }
    path = folder / f"{chunk.id}.nc"
    with replacing(path) as temporary:
        with TURN:
            write_dataset(data, temporary, encoding)
            _read_back(temporary, data)
        seal(temporary)
    return path


def _read_back(path: Path, data: xr.Dataset) -> None:
    """Raises OSError unless a file holds the bits that were to be written to it."""
    with open_netcdf(path) as file:
        for name, variable in data.variables.items():
            if _values(file, str(name)).tobytes() != variable.values.tobytes():
                raise OSError(errno.EIO, f"{name} differs from what was written when it is read back", str(path))


def _dims(name: str, values: np.ndarray) -> tuple[str, ...]:
    if values.ndim == 4:
        return ("trajectory", "generation", "sample", "place")
    extra = OBSERVABLES[name].dim if values.ndim == 3 else None
    return ("trajectory", "generation", extra) if extra else ("trajectory", "generation")


@dataclass(frozen=True)
class Header:
    """What a shard says about its trajectories.

    Attributes:
        cells: identity of the cell of each trajectory.
        replicates: replicate of each trajectory.
        status: status of each trajectory.
        recorded: the recorded generations.
        told: provenance.
        seal: the unbroken seal of the file.
    """

    cells: np.ndarray
    replicates: np.ndarray
    status: np.ndarray
    recorded: np.ndarray
    told: dict[str, Any]
    seal: bytes


def read_header(path: Path, study: str, sweep: Sweep) -> Header:
    """Verifies the whole of a shard, but loads no more of it than must be known to place its trajectories.

    Whatever the origin of the file, it has the variables that a shard of this sweep has, or had when that had fewer
    generations, and fills no more memory than its size lets one expect.

    Raises:
        BadShardError: with the reason.
        OSError: it could not be read, and may be all right.
        MemoryError: the same.
    """
    read = partial(_read_header, path, study, sweep, _seal(path))
    return recalled(path, study, read) or read()


def _read_header(path: Path, study: str, sweep: Sweep, seal: bytes) -> Header:
    try:
        with opened(path) as file:
            _check_format(file)
            recorded = sweep.recorded
            if _text(file, "study") != study:
                recorded = _earlier(file, sweep)
            _check_variables(file, sweep, len(recorded))
            cells, replicates, status = (_values(file, name) for name in ("cell", "replicate", "status"))
            name, told = _text(file, "chunk"), json.loads(_text(file, "provenance")[:_MOST_TOLD])
    except BadShardError:
        raise
    except StrangeFileError as error:
        raise BadShardError(f"cannot be read: {error}") from None
    if not name == chunk_id(cells, replicates, int(recorded[-1]) if sweep.record.state else None) == path.stem:
        raise BadShardError("was renamed")
    if (replicates < 0).any() or not np.isin(status, (COMPLETE, DIVERGED)).all() or not is_provenance(told):
        raise BadShardError("has contents that a shard cannot have")
    return Header(cells, replicates, status, recorded, told, seal)


def _seal(path: Path) -> bytes:
    """The unbroken seal of a file, which may be a link."""
    try:
        found = seal_of(path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        why = "a link to a missing file; `git annex get` may bring it" if path.is_symlink() else "not there"
        raise BadShardError(f"cannot be read: it is {why}") from None
    if found is None:
        raise BadShardError("is damaged, or not a shard")
    return found


def _check_format(file: netCDF4.Dataset) -> None:
    """Raises BadShardError if a later version of the package has written a file in a format of its own."""
    told = file.getncattr("format") if "format" in file.ncattrs() else FORMAT
    if np.size(told) != 1 or told != FORMAT:
        raise BadShardError(f"is in another format, of a later jaxcollapse; this one reads format {FORMAT}")


def _earlier(file: netCDF4.Dataset, sweep: Sweep) -> np.ndarray:
    """The recorded generations of a shard of this study from when it had fewer.

    Raises:
        BadShardError: it is another study's.
    """
    recorded = recorded_in(file) if "recorded" in file.ncattrs() else np.zeros(0)
    if not len(recorded) or _text(file, "study") != fingerprint(sweep, recorded) or not goes_on(sweep, recorded):
        raise BadShardError("belongs to another study, or sweep.toml was changed")
    return recorded


def _check_variables(file: netCDF4.Dataset, sweep: Sweep, records: int) -> None:
    """Raises ValueError unless all that will be read is there, of the types and dimensions that it should have."""
    check_variable(file, "cell", np.dtype("uint64"), ("trajectory",))
    check_variable(file, "replicate", np.dtype("int32"), ("trajectory",))
    for name, (dtype, dims) in {**rows_of(sweep), **state_of(sweep)}.items():
        check_variable(file, name, dtype, ("trajectory", *dims))
    if len(file.dimensions["generation"]) != records:
        raise ValueError("has other generations than the study")


def recorded_in(file: netCDF4.Dataset) -> np.ndarray:
    """The recorded generations that a shard names."""
    return np.atleast_1d(file.getncattr("recorded"))


def _text(file: netCDF4.Dataset, name: str) -> str:
    """A global attribute, if it is a text; else none."""
    value = file.getncattr(name) if name in file.ncattrs() else ""
    return value if isinstance(value, str) else ""


def read_variable(path: Path, name: str, some: slice) -> np.ndarray:
    """A variable of a verified shard, for a range of its trajectories.

    Raises:
        BadShardError: it cannot be read, although its seal is unbroken.
        OSError: it could not be read, and may be all right.
        MemoryError: the same.
    """

    def read(part: slice) -> np.ndarray:
        with opened(path) as file:
            return _values(file, name, part)

    try:
        whole = recalled(path, name, partial(read, slice(None)))
        return read(some) if whole is None else whole[some]
    except StrangeFileError as error:
        raise BadShardError(f"{name} cannot be read: {error}", path) from None


def _values(file: netCDF4.Dataset, name: str, some: slice = slice(None)) -> np.ndarray:
    """Numbers as they are stored."""
    variable = file[name]
    variable.set_auto_maskandscale(False)
    values: np.ndarray = variable[some]
    return values
