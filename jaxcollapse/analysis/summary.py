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
    has_status,
    is_event,
    label_of,
    status_of,
    variable,
)
from jaxcollapse.observables.registry import YES_OR_NO

BOUNDS = ("estimate", "low", "high")
_LEFT_OUT = ("logits", "text")  # a number for each token, or of one, of which medians mean little
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
        variables: names of observables and events, by default all but `logits` and `text`.
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
    then = at_generation(data, generation)[[*variables, "status"]].compute()
    complete = has_status(then, "complete").variable
    made: dict[str, xr.Variable] = {}
    for name in variables:
        made |= _told(then[name], complete, int(then.generation), confidence)
    for meaning, told in (("complete", "counted"), ("missing", "missing"), ("diverged", "diverged")):
        number = has_status(then, meaning).variable.sum("replicate")
        made[told] = _labelled(number, f"trajectories {told}")
    found = then.drop_dims("replicate").assign(made).assign_coords(bound=list(BOUNDS))
    return found.assign_attrs(confidence=confidence, generation=int(then.generation))


def along_bounds(values: xr.DataArray, interval: Interval, confidence: float) -> xr.DataArray:
    """An estimate over replicates with its bounds, along a further dimension `bound`."""
    return _bounded(_interval(values.compute().variable, interval, confidence), values)


def means(values: xr.DataArray, confidence: float) -> xr.DataArray:
    """The mean over replicates with its bounds, along `bound`: none is beyond what the variable can be in a cell."""
    return _bounded(_mean(values.compute().variable, confidence, values), values)


def shares(holds: xr.DataArray, known: xr.DataArray, confidence: float) -> xr.DataArray:
    """The share of the known replicates for which something holds, with its bounds along `bound`."""
    return proportion((holds & known).sum("replicate").compute(), known.sum("replicate").compute(), confidence)


def proportion(happened: xr.DataArray, number: xr.DataArray, confidence: float) -> xr.DataArray:
    """The share of a number for which something has happened, with its bounds along `bound`."""
    return _bounded(_share(happened.variable, number.variable, confidence), happened)


def check_confidence(confidence: float) -> None:
    """Raises ValueError unless it is between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence} is not between 0 and 1")


def _told(own: xr.DataArray, complete: xr.Variable, generation: int, confidence: float) -> dict[str, xr.Variable]:
    """The variables of the summary that describe one variable of the dataset."""
    name, (long_name, units) = str(own.name), label_of(own)
    values = own.variable.where(complete)
    known = values.notnull().sum("replicate")
    if is_event(own):
        share = _share((values <= generation).sum("replicate"), complete.sum("replicate"), confidence)
        return {f"{name}_share": _labelled(share, f"share of trajectories past the {long_name}")}
    if name in YES_OR_NO:
        share = _share((values == 1).sum("replicate"), known, confidence)
        return {f"{name}_share": _labelled(share, f"share of trajectories whose {long_name}")}
    made = {
        f"{name}_median": _labelled(_interval(values, median_interval, confidence), f"median {long_name}", units),
        f"{name}_mean": _labelled(_mean(values, confidence, own), f"mean {long_name}", units),
    }
    if (known < complete.sum("replicate")).any():
        made[f"{name}_known"] = _labelled(known, f"trajectories with a {long_name}")
    return made


# Variables have no coordinates, whose comparison would take most of the time of a summary.


def _interval(
    values: xr.Variable, interval: Interval, confidence: float, within: Sequence[xr.Variable] = ()
) -> xr.Variable:
    """An estimate over replicates with its bounds; `within` holds further arguments, which may vary along the axes."""
    core = [["replicate"], *([] for _ in (confidence, *within))]
    return xr.apply_ufunc(interval, values, confidence, *within, input_core_dims=core, output_core_dims=[["bound"]])


def _mean(values: xr.Variable, confidence: float, own: xr.DataArray) -> xr.Variable:
    """The mean of a variable over replicates; its bounds stay within the possible range of the variable."""
    return _interval(values, mean_interval, confidence, [end.variable for end in possible_range(own)])


def _share(happened: xr.Variable, number: xr.Variable, confidence: float) -> xr.Variable:
    return xr.apply_ufunc(proportion_interval, happened, number, confidence, output_core_dims=[["bound"]])


def _labelled(found: xr.Variable, long_name: str, units: str = "1") -> xr.Variable:
    found.attrs = {"long_name": long_name, "units": units}
    return found


def _bounded(found: xr.Variable, own: xr.DataArray) -> xr.DataArray:
    """Estimates with their bounds, and the coordinates of the variable that they describe."""
    coords = {name: each for name, each in own.coords.items() if set(each.dims) <= set(found.dims)}
    return xr.DataArray(found, {**coords, "bound": list(BOUNDS)})
