"""A small study that tests damage, resume and extend."""

import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

import jaxcollapse as jc

SWEEP: dict[str, Any] = {
    "title": "Small",
    "seed": 5,
    "replicates": 4,
    "generations": 6,
    "record": {"every": 3},
    "observables": ["entropy", "support_size", "collapse_time"],
    "process": {"vocab_size": 16, "batch_size": 8},
    "axes": {"temperature": [0.9, 1.1], "learning_rate": [0.5, 2.0]},
}
CHUNK = 4  # so there are four shards


def sweep_of(**changed: Any) -> jc.Sweep:
    return jc.Sweep.from_dict({**SWEEP, **changed})


def run(folder: Path, **changed: Any) -> xr.Dataset:
    """Runs the small sweep on one device, and gives its dataset loaded."""
    sweep = sweep_of(**changed)
    with jc.run(sweep, folder, chunk_size=CHUNK, devices=jax.local_devices()[:1], progress=False) as data:
        return data.load()


def copied(study: Path, folder: Path) -> Path:
    return Path(shutil.copytree(study, folder / "study"))


def shards(study: Path) -> list[Path]:
    return sorted((study / "shards").glob("*.nc"))


def stamps(paths: list[Path]) -> dict[str, tuple[int, bytes]]:
    """When each file was written, and what is in it."""
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def assert_same_numbers(one: xr.Dataset, other: xr.Dataset) -> None:
    assert set(one.data_vars) == set(other.data_vars)
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=str(name), strict=True)


def differing(study: Path, other: Path) -> list[str]:
    """The variables that have other bits in the datasets of two studies."""
    with xr.open_dataset(study / "result.nc") as one, xr.open_dataset(other / "result.nc") as another:
        return [str(name) for name in another.data_vars if one[name].values.tobytes() != another[name].values.tobytes()]
