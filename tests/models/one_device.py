"""Small sweeps of models of several rows, compiled for one device only."""

from typing import Any

import jax
import numpy as np
import xarray as xr

import jaxcollapse as jc


def run(process: dict[str, Any], axes: dict[str, Any] | None = None, **top: Any) -> xr.Dataset:
    """Runs a sweep in memory, with its logits recorded."""
    where = {name: top.pop(name) for name in ("chunk_size", "directory") if name in top}
    data = {"observables": ["entropy"], "record": {"every": 1, "logits": True}, **top, "process": process}
    sweep = jc.Sweep.from_dict({**data, "axes": axes or {}})
    return jc.run(sweep, progress=False, devices=jax.local_devices()[:1], **where)


def table(rows: Any, **keys: Any) -> dict[str, Any]:
    """Rows of p0, written out."""
    return {"kind": "table", "probabilities": np.asarray(rows, float).tolist(), **keys}


def every(generations: int) -> dict[str, Any]:
    """So many generations, of which the middle one and the last one are recorded: one program, however many."""
    assert generations % 2 == 0
    return {"generations": generations, "record": {"every": generations // 2, "logits": True}}
