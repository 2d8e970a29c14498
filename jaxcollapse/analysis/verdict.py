"""What became of a cell, in one word, from the median replicate at the last generation.

unchanged   a log loss on original data within `TOLERANCE` of the original's
cooled      not unchanged, but some sampling temperature above 1 brings the original back within `TOLERANCE`
heated      the same with a temperature below 1
forgetting  no sampling temperature brings the original back within `TOLERANCE`
collapsed   forgetting, and one token holds nearly everything (1 − collapse_threshold)

`TOLERANCE` is 0.1 nat: a tenth more perplexity on original data.
"""

import numpy as np
import xarray as xr

TOLERANCE = 0.1
_MISSING, _DIVERGED = -1, -2
VERDICTS = ("unchanged", "cooled", "heated", "forgetting", "collapsed")
NEEDED = ("kl_to_initial", "recovery_gap", "recovery_temperature", "modal_probability")


def verdicts(data: xr.Dataset) -> xr.DataArray:
    """The verdict of each cell, as an index into `VERDICTS`; negative where there is none (see `name_of`).

    Args:
        data: a dataset with the variables `NEEDED` (the default observables have them).

    Raises:
        ValueError: a variable is missing.
    """
    missing = [name for name in NEEDED if name not in data]
    if missing:
        raise ValueError(f"the verdict needs the observables {', '.join(missing)}")
    middle = {name: final_median(data, name) for name in NEEDED}
    same = middle["kl_to_initial"] <= TOLERANCE
    recoverable = middle["recovery_gap"] <= TOLERANCE
    collapsed = middle["modal_probability"] >= 1 - _collapse_threshold(data)
    word = xr.where(recoverable, xr.where(middle["recovery_temperature"] >= 1, 1, 2), xr.where(collapsed, 4, 3))
    word = xr.where(same, 0, word)
    without = xr.where(_has_status(data, "diverged").any("replicate"), _DIVERGED, _MISSING)
    word = xr.where(np.isnan(middle["kl_to_initial"]), without, word).astype(np.int8)
    word.attrs = {
        "long_name": "verdict",
        "flag_values": np.arange(_DIVERGED, len(VERDICTS), dtype=np.int8),
        "flag_meanings": " ".join(name_of(code) for code in range(_DIVERGED, len(VERDICTS))),
    }
    return word.rename("verdict")


def name_of(verdict: int) -> str:
    """A verdict in one word: one of `VERDICTS`, else "missing" (not computed) or "diverged" (all that was computed)."""
    return VERDICTS[verdict] if verdict >= 0 else {_MISSING: "missing", _DIVERGED: "diverged"}[verdict]


def final_median(data: xr.Dataset, name: str) -> xr.DataArray:
    """The median over replicates at the last generation; those that diverged do not vote."""
    return median(data[name].isel(generation=-1).where(~_has_status(data, "diverged")))


def _has_status(data: xr.Dataset, meaning: str) -> xr.DataArray:
    """Which trajectories have this status, by the flags that the dataset explains itself with."""
    flags = data.status.attrs
    return data.status == flags["flag_values"][flags["flag_meanings"].split().index(meaning)]


def median(values: xr.DataArray) -> xr.DataArray:
    """The lower median over replicates, which is one of the values and so may be infinite; NaN if all are."""
    return xr.apply_ufunc(_lower_median, values.compute(), input_core_dims=[["replicate"]])


def _lower_median(values: np.ndarray) -> np.ndarray:
    ordered = np.sort(values, axis=-1)  # NaN come last
    known = np.count_nonzero(~np.isnan(ordered), axis=-1, keepdims=True)
    return np.take_along_axis(ordered, np.maximum(known - 1, 0) // 2, axis=-1)[..., 0]


def _collapse_threshold(data: xr.Dataset) -> float:
    return float(data.attrs.get("collapse_threshold", 0.01))
