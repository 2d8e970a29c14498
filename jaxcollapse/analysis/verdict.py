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
VERDICTS = ("unchanged", "cooled", "heated", "forgetting", "collapsed")
NEEDED = ("kl_to_initial", "recovery_gap", "recovery_temperature", "modal_probability")


def verdicts(data: xr.Dataset) -> xr.DataArray:
    """The verdict of each cell, as an index into `VERDICTS` (−1 where nothing was computed, or all diverged).

    Args:
        data: a dataset with the variables `NEEDED` (the default observables have them).

    Raises:
        ValueError: a variable is missing.
    """
    missing = [name for name in NEEDED if name not in data]
    if missing:
        raise ValueError(f"the verdict needs the observables {', '.join(missing)}")
    last = data[list(NEEDED)].isel(generation=-1)
    middle = {name: median(last[name]) for name in NEEDED}
    same = middle["kl_to_initial"] <= TOLERANCE
    recoverable = middle["recovery_gap"] <= TOLERANCE
    collapsed = middle["modal_probability"] >= 1 - _collapse_threshold(data)
    word = xr.where(recoverable, xr.where(middle["recovery_temperature"] >= 1, 1, 2), xr.where(collapsed, 4, 3))
    word = xr.where(same, 0, word)
    word = xr.where(np.isnan(middle["kl_to_initial"]), -1, word).astype(np.int8)
    word.attrs = {
        "long_name": "verdict",
        "flag_values": np.arange(len(VERDICTS), dtype=np.int8),
        "flag_meanings": " ".join(VERDICTS),
    }
    return word.rename("verdict")


def median(values: xr.DataArray) -> xr.DataArray:
    """The lower median over replicates, which is one of the values and so may be infinite; NaN if all are."""
    return xr.apply_ufunc(_lower_median, values.compute(), input_core_dims=[["replicate"]])


def _lower_median(values: np.ndarray) -> np.ndarray:
    ordered = np.sort(values, axis=-1)  # NaN come last
    known = np.count_nonzero(~np.isnan(ordered), axis=-1, keepdims=True)
    return np.take_along_axis(ordered, np.maximum(known - 1, 0) // 2, axis=-1)[..., 0]


def _collapse_threshold(data: xr.Dataset) -> float:
    return float(data.attrs.get("collapse_threshold", 0.01))
