"""When an event happens: survival curves and median times, with censoring at the last generation.

Events are watched at every generation until the last one, and no trajectory leaves before. Then Kaplan and Meier's
estimate (J. Am. Stat. Assoc. 53, 1958) of the probability that the event did not happen by generation g is the share
of trajectories without it, whose law is binomial. So its interval is exact (Clopper and Pearson), where
Greenwood's formula is an approximation, and so is that of the median time, which inverts the sign test as Brookmeyer
and Crowley do (Biometrics 38, 1982): it runs between two order statistics.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxcollapse.analysis.median import median_interval
from jaxcollapse.analysis.status import check_generations, has_status, is_event, label_of, status_of, variable
from jaxcollapse.analysis.summary import along_bounds, check_confidence, means, shares
from jaxcollapse.errors import did_you_mean, shown


def survival(
    data: xr.Dataset, event: str, confidence: float = 0.95, generations: Sequence[int] | None = None
) -> xr.Dataset:
    """When an event happens in each cell, along a dimension `bound`: estimate, low, high.

    `survival` is the share of trajectories in which it did not happen by a generation. `median_time` is the first
    generation by which it has happened for half of them, infinite where that is later than the last generation.
    `restricted_mean_time` is the mean of the time or, where it did not happen, of the last generation (studentised
    bootstrap). `happened` and `censored` count trajectories; those that are missing or diverged are neither.

    Args:
        data: any part of a result; its last generation is where times are censored.
        event: "collapse_time", "first_extinction_time" or "half_life".
        confidence: of the intervals, between 0 and 1.
        generations: where the curve is given, by default the recorded ones.

    Raises:
        ValueError: there is no such event or generation, or no replicates, or the confidence is not between 0 and 1.
    """
    check_confidence(confidence)
    status_of(data)
    known = [str(name) for name in data.data_vars if is_event(data[name])]
    if event not in known:
        raise ValueError(f"event = {event!r} is not an event of this dataset{did_you_mean(event, known)}")
    last, when = _watched(data, generations)
    counts = has_status(data, "complete")
    times = variable(data, event).where(lambda time: time <= last, np.inf).where(counts).compute()
    curve = [shares(times > generation, counts, confidence) for generation in when.tolist()]
    long_name, _ = label_of(data[event])
    made = {
        "survival": xr.concat(curve, xr.IndexVariable("generation", when)).transpose(..., "generation", "bound"),
        "median_time": along_bounds(times, median_interval, confidence),
        "restricted_mean_time": means(times.clip(max=last).assign_attrs(possible_range=(0, last)), confidence),
        "happened": (times <= last).sum("replicate"),
        "censored": (times > last).sum("replicate"),
    }
    told = {
        "survival": (f"share of trajectories before the {long_name}", "1"),
        "median_time": (f"median {long_name}", "generation"),
        "restricted_mean_time": (f"mean {long_name}, restricted to generation {last}", "generation"),
        "happened": (f"number of trajectories past the {long_name}", "1"),
        "censored": (f"number of trajectories before the {long_name} at generation {last}", "1"),
    }
    found = xr.Dataset(made, attrs={"event": event, "confidence": confidence, "last_generation": last})
    for name, (text, units) in told.items():
        found[name].attrs = {"long_name": text, "units": units}
    return found


def _watched(data: xr.Dataset, generations: Sequence[int] | None) -> tuple[int, np.ndarray]:
    """The last generation, and those at which the curve is wanted."""
    if generations is None:
        check_generations(data)
    elif "generation" not in data.coords:
        raise ValueError(
            "the dataset lacks the coordinate 'generation', which says how long the trajectories were observed"
        )
    last = int(data.generation.max())
    when = np.asarray(data.generation if generations is None else generations)
    if when.ndim != 1 or not when.size:
        raise ValueError(f"generations = {shown(generations)} is not a list of generations such as [10, 20]")
    if when.min() < 0:
        raise ValueError(f"generations contains {when.min()}; the first generation is 0")
    if when.max() > last:
        raise ValueError(
            f"generations contains {when.max()}; the trajectories were observed until generation {last} only"
        )
    return last, when
