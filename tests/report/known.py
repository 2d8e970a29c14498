"""Datasets whose verdicts are known, made by hand."""

from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.verdict import NEEDED

INF, NAN = float("inf"), float("nan")
START = dict(zip(NEEDED, (0.0, 0.0, 1.0, 0.0, 1.0, 2.0, 0.3), strict=True))
# What a trajectory of each verdict is at the end.
ENDS = {
    "unchanged": START,
    "cooled": dict(zip(NEEDED, (3.0, 0.0, 2.0, 0.0, 1.0, 2.0, 0.3), strict=True)),
    "heated": dict(zip(NEEDED, (3.0, 0.0, 0.5, 0.0, 1.0, 2.0, 0.3), strict=True)),
    "distorted": dict(zip(NEEDED, (3.0, 1.0, 0.5, 0.0, 1.0, 2.0, 0.3), strict=True)),
    "forgetting": dict(zip(NEEDED, (3.0, 1.0, 1.0, 1.0, 1.0, 2.0, 0.3), strict=True)),
    "collapsed": dict(zip(NEEDED, (INF, INF, NAN, INF, 0.0, 2.0, 1.0), strict=True)),
}
COMPLETE, DIVERGED, MISSING = 1, 2, 0


def known(
    axes: dict[str, list[Any]], words: Any, replicates: int = 9, other: dict[str, int] | None = None
) -> xr.Dataset:
    """A dataset over these axes whose cells have these words; "missing" and "diverged" are words, too.

    Args:
        axes: names and values.
        words: of each cell, [axis, …].
        replicates: how many.
        other: for a word, how many of the replicates of its cells are unchanged instead.
    """
    table = np.broadcast_to(np.array(words), [len(values) for values in axes.values()])
    dims = (*axes, "replicate")
    data = {}
    for name in NEEDED:
        ends = np.array([ENDS.get(str(word), dict.fromkeys(NEEDED, NAN))[name] for word in table.flat])
        ends = ends.reshape(*table.shape, 1).repeat(replicates, axis=-1)
        for word, number in (other or {}).items():
            ends[table == word, :number] = START[name]
        starts = np.where(table[..., None] == "missing", NAN, np.full_like(ends, START[name]))
        told = {"long_name": name.replace("_", " "), "units": "nat" if "_to_" in name or "gap" in name else "1"}
        data[name] = xr.Variable((*dims, "generation"), np.stack([starts, ends], axis=-1), told)
    codes = np.select([table == "missing", table == "diverged"], [MISSING, DIVERGED], COMPLETE)
    flags = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "missing complete diverged"}
    data["status"] = xr.Variable(dims, codes[..., None].repeat(replicates, axis=-1).astype(np.int8), flags)
    coordinates = {**axes, "replicate": range(replicates), "generation": [0, 50]}
    return xr.Dataset(data, coordinates, {"title": "Known", "collapse_threshold": 0.01, "sweep": "[axes]\n"})
