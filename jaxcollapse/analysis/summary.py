"""What each cell came to: medians, means and shares over replicates, with their intervals."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.median import median_interval
from jaxcollapse.analysis.possible import possible_range
from jaxcollapse.analysis.proportion import proportion_interval
from jaxcollapse.analysis.status import (
    at_generation,
    counted,
    has_status,
    is_event,
    label_of,
    status_of,
    variable,
)

BOUNDS = ("estimate", "low", "high")
YES_OR_NO = ("mode_is_original",)  # observables that are 1 where something holds, else 0
_LEFT_OUT = ("logits",)  # a number for each token, of which medians mean little
Interval = Callable[..., np.ndarray]


def summarise(
    data: xr.Dataset, variables: Sequence[str] | None = None, generation: int | None = None, confidence: float = 0.95
) -> xr.Dataset:
    """Medians, means and shares over the replicates of each cell, along a dimension `bound`: estimate, low, high.

    An observable has `<name>_median` (interval of order statistics, exact) and `<name>_mean` (studentised bootstrap).
    One that is 1 or 0 has `<name>_share`, and so has an event: for how many it has happened by that generation (Clopper
    and Pearson, exact). The numbers of trajectories `counted`, `missing` and `diverged` are next to them; and where
    some that count have no value of an observable, `<name>_known` says how many have one.

    Args:
        data: any part of a result.
        variables: names of observables and events, by default all but `logits`.
        generation: a recorded one, by default the last.
        confidence: of the intervals, between 0 and 1.

    Raises:
        ValueError: an unknown variable, a generation that is not recorded, a confidence out of range, or no replicates.
    """
    check_confidence(confidence)
    status_of(data)
    if isinstance(variables, str):
        raise ValueError(f"variables = {variables!r} is not a list of names such as [{variables!r}]")
    if variables is None:
        variables = [str(name) for name in data.data_vars if name not in ("status", *_LEFT_OUT)]
    for name in variables:
        variable(data, name)
    then = at_generation(data, generation)[[*variables, "status"]]
    made = xr.Dataset(attrs={"confidence": confidence, "generation": int(then.generation)})
    for name in variables:
        made.update(_told(then, name, confidence))
    for meaning, told in (("complete", "counted"), ("missing", "missing"), ("diverged", "diverged")):
        made[told] = (
            has_status(data, meaning)
            .sum("replicate")
            .compute()
            .assign_attrs(long_name=f"trajectories {told}", units="1")
        )
    return made.assign_coords(generation=then.generation)


def along_bounds(
    values: xr.DataArray, interval: Interval, confidence: float, within: tuple[xr.DataArray, ...] = ()
) -> xr.DataArray:
    """An estimate over replicates with its bounds, along a further dimension `bound`.

    `within` holds further arguments of the interval, which may vary along the axes.
    """
    core = [["replicate"], *([] for _ in (confidence, *within))]
    found = xr.apply_ufunc(
        interval, values.compute(), confidence, *within, input_core_dims=core, output_core_dims=[["bound"]]
    )
    return found.assign_coords(bound=list(BOUNDS))


def means(values: xr.DataArray, confidence: float) -> xr.DataArray:
    """The mean over replicates with its bounds, along `bound`: none is beyond what the variable can be in a cell."""
    return along_bounds(values, mean_interval, confidence, possible_range(values))


def shares(holds: xr.DataArray, known: xr.DataArray, confidence: float) -> xr.DataArray:
    """The share of the known replicates for which something holds, with its bounds along `bound`."""
    number = known.sum("replicate").compute()
    happened = (holds & known).sum("replicate").compute()
    found = xr.apply_ufunc(proportion_interval, happened, number, confidence, output_core_dims=[["bound"]])
    return found.assign_coords(bound=list(BOUNDS))


def check_confidence(confidence: float) -> None:
    """Raises ValueError unless it is between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is not between 0 and 1")


def _told(then: xr.Dataset, name: str, confidence: float) -> dict[str, xr.DataArray]:
    """The variables of the summary that describe one variable of the dataset."""
    long_name, units = label_of(then[name])
    values = counted(then, then[name]).compute()
    if is_event(then[name]):
        share = shares(values <= int(then.generation), has_status(then, "complete"), confidence)
        return {f"{name}_share": share.assign_attrs(long_name=f"share of trajectories past the {long_name}", units="1")}
    if name in YES_OR_NO:
        share = shares(values == 1, values.notnull(), confidence)
        return {f"{name}_share": share.assign_attrs(long_name=f"share of trajectories whose {long_name}", units="1")}
    made = {
        f"{name}_median": along_bounds(values, median_interval, confidence).assign_attrs(
            long_name=f"median {long_name}", units=units
        ),
        f"{name}_mean": means(values, confidence).assign_attrs(long_name=f"mean {long_name}", units=units),
    }
    known = values.notnull().sum("replicate")
    if (known < has_status(then, "complete").sum("replicate")).any():
        made[f"{name}_known"] = known.assign_attrs(long_name=f"trajectories with a {long_name}", units="1")
    return made
