"""Small sweeps of models of several rows, compiled for one device only."""

from typing import Any

import numpy as np
import xarray as xr

from tests.support import sweeps


def run(process: dict[str, Any], axes: dict[str, Any] | None = None, **top: Any) -> xr.Dataset:
    """Runs a sweep in memory, with its logits recorded."""
    return sweeps.run(process, axes, **{"record": {"every": 1, "logits": True}, **top})


def table(rows: Any, **keys: Any) -> dict[str, Any]:
    """Rows of p0, written out."""
    return {"kind": "table", "probabilities": np.asarray(rows, float).tolist(), **keys}


def every(generations: int) -> dict[str, Any]:
    """So many generations, of which the middle one and the last one are recorded: one program, however many."""
    assert generations % 2 == 0
    return {"generations": generations, "record": {"every": generations // 2, "logits": True}}
