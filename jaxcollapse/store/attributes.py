"""The attributes of a dataset's file, which anybody may have made: what readers rely on is as we write it."""

from typing import Any

import netCDF4
import numpy as np

from jaxcollapse.execute import STATUS_MEANINGS
from jaxcollapse.observables import OBSERVABLES

_TEXTS = {
    *("Conventions", "title", "source", "history", "comment", "sweep", "provenance", "shards"),
    *("long_name", "units", "description", "censoring", "flag_meanings", "coordinates"),
}
_THRESHOLDS = ("support_threshold", "collapse_threshold")
_DECODED = {"scale_factor", "add_offset", "missing_value", "_Unsigned"}  # by which xarray makes other numbers
_ALLOWED = {"dtype": "bool", "_Encoding": "utf-8"}


def check_attributes(file: netCDF4.Dataset) -> None:
    """Raises ValueError unless those attributes of a dataset that are read are what a dataset has."""
    told = _attributes(file)
    for name in _THRESHOLDS:
        if name in told and not (isinstance(told[name], float) and 0 <= told[name] < 1):
            raise ValueError(f"{name} is not a threshold")
    for name, variable in file.variables.items():
        told = _attributes(variable)
        if name in OBSERVABLES and OBSERVABLES[name].is_event != ("censoring" in told):
            raise ValueError(f"the attributes of {name} contradict whether it is the time of an event")
        if not _is_range(told.get("possible_range", (0, 1))):
            raise ValueError(f"the possible range of {name} is not a range")
    told = _attributes(file.variables["status"])
    if not np.array_equal(told["flag_values"], [0, 1, 2]) or told["flag_meanings"] != STATUS_MEANINGS:
        raise ValueError("status has other flags")


def _attributes(owner: netCDF4.Dataset | netCDF4.Variable) -> dict[str, Any]:
    told = {name: owner.getncattr(name) for name in owner.ncattrs()}
    for name, value in told.items():
        if name in _TEXTS and not isinstance(value, str):
            raise ValueError(f"{name} is not text")
        if name in _DECODED or (name in _ALLOWED and value != _ALLOWED[name]):
            raise ValueError(f"has an attribute {name}")
    return told


def _is_range(value: Any) -> bool:
    """Whether a value is two numbers, the smaller one first."""
    ends = np.asarray(value)
    return ends.shape == (2,) and ends.dtype.kind in "iuf" and bool(ends[0] <= ends[1])
