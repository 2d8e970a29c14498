"""Shipped sweeps, run in memory, with changes where less of them is enough."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import xarray as xr

import jaxcollapse as jc

FOLDER = Path(__file__).resolve().parents[2] / "sweeps"
STORY = {
    "kind": "file",
    "path": "data/smollm2_next_token.nc",
    "variable": "logits",
    "select": {"prompt": "story"},
    "top": 512,
}


def measured(
    name: str, process: Mapping[str, Any] | None = None, axes: Mapping[str, Any] | None = None, **top: Any
) -> xr.Dataset:
    """The dataset of a shipped sweep.

    Args:
        name: of its file, without the ending.
        process: fields in place of the file's; a field that is None is left out.
        axes: in place of all of the file's; a field that becomes one leaves the process.
        top: keys of the top level, such as `replicates`, in place of the file's.
    """
    given = jc.Sweep.from_toml(FOLDER / f"{name}.toml").to_dict()
    chosen = given.get("axes", {}) if axes is None else dict(axes)
    merged = {**given["process"], **(process or {})}
    fields = {key: value for key, value in merged.items() if value is not None and key not in chosen}
    sweep = jc.Sweep.from_dict({**given, **top, "process": fields, "axes": chosen}, folder=FOLDER)
    return jc.run(sweep, progress=False, devices=jax.local_devices()[:1])  # of several each compiles for itself
