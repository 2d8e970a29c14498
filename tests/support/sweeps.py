"""Small sweeps for tests."""

from typing import Any

import jax
import numpy as np
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.sweep.process_fields import fields

_DEFAULTS = {name: field.default for name, field in fields().items()}


def run(process: dict[str, Any] | None = None, axes: dict[str, Any] | None = None, **top: Any) -> xr.Dataset:
    """Runs a sweep in memory, on one device: a program is compiled for each, and the numbers are the same."""
    where = {name: top.pop(name) for name in ("chunk_size", "directory") if name in top}
    data = {"observables": ["entropy"], **top, "process": process or {}, "axes": axes or {}}
    return jc.run(jc.Sweep.from_dict(data), progress=False, devices=jax.local_devices()[:1], **where)


def together(processes: list[dict[str, Any]]) -> dict[str, Any]:
    """An axis along these processes, so that their programs are compiled side by side; what one leaves out is off."""
    fields = dict.fromkeys(field for process in processes for field in process)
    whole = [{**_DEFAULTS, **process} for process in processes]
    for process in whole:
        if process["samples"] is None:
            process["samples"] = process["batch_size"] * process["steps"]
    return {"zip": {field: [process[field] for process in whole] for field in fields}}


def values(p: Any) -> dict[str, Any]:
    """An initial distribution given by its probabilities."""
    return {"kind": "values", "probabilities": np.asarray(p, float).tolist()}


def probabilities(data: xr.Dataset) -> np.ndarray:
    """p over the last dimension, from recorded logits."""
    logits = data.logits.values.astype(float)
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)
