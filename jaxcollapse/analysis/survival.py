"""When an event happens: survival curves and median times, with censoring at the last generation.

Events are watched at every generation until the last one, and no trajectory leaves before. Then Kaplan and Meier's
estimate (J. Am. Stat. Assoc. 53, 1958) of the probability that the event did not happen by generation g is the share
of trajectories without it, whose law is binomial. So its interval is exact (Clopper and Pearson), where
Greenwood's formula is an approximation, and so is that of the median time, which inverts the sign test as Brookmeyer
and Crowley do (Biometrics 38, 1982): it runs between two order statistics.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxcollapse.analysis.median import median_interval
from jaxcollapse.analysis.status import check_generations, counted, is_event, label_of, status_of, variable
from jaxcollapse.analysis.summary import along_bounds, check_confidence, means, proportion
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
    watched = Watched.of(data, event, generations)
    times, last = watched.times, watched.last
    long_name, _ = label_of(data[event])
    made = {
        "survival": watched.survival(confidence),
        "median_time": watched.median_time(confidence),
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


@dataclass(frozen=True)
class Watched:
    """When an event happened in the trajectories of a dataset.

    Attributes:
        times: its time in each trajectory, infinite if it has not happened; NaN for those that do not count.
        last: the last generation.
        when: the generations at which the curve of survival is given.
    """

    times: xr.DataArray
    last: int
    when: np.ndarray

    @classmethod
    def of(cls, data: xr.Dataset, event: str, generations: Sequence[int] | None = None) -> "Watched":
        """The times of an event of a dataset.

        Raises:
            ValueError: there is no such event or generation, or no replicates.
        """
        status_of(data)
        known = [str(name) for name in data.data_vars if is_event(data[name])]
        if event not in known:
            raise ValueError(f"event = {event!r} is not an event of this dataset{did_you_mean(event, known)}")
        last, when = _generations(data, generations)
        times = variable(data, event).where(lambda time: time <= last, np.inf)
        return cls(counted(data, times).compute(), last, when)

    def survival(self, confidence: float = 0.95) -> xr.DataArray:
        """The share of trajectories without the event by each generation, along `generation` and `bound`."""
        later = xr.apply_ufunc(
            _later,
            self.times,
            input_core_dims=[["replicate"]],
            output_core_dims=[["generation"]],
            kwargs={"when": self.when},
        )
        number = self.times.notnull().sum("replicate")
        return proportion(later.assign_coords(generation=self.when), number, confidence)

    def median_time(self, confidence: float = 0.95) -> xr.DataArray:
        """The median time along `bound`."""
        return along_bounds(self.times, median_interval, confidence)


def _later(times: np.ndarray, when: np.ndarray) -> np.ndarray:
    """How many of the times [..., replicate] are after each generation [generation]: [..., generation]."""
    return np.stack([(times > generation).sum(axis=-1) for generation in when.tolist()], axis=-1)


def _generations(data: xr.Dataset, generations: Sequence[int] | None) -> tuple[int, np.ndarray]:
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
