"""What became of a cell, in one word, from the median replicate at the last generation.

unchanged   a log loss on original data within `TOLERANCE` of the original's
cooled      not unchanged, but some sampling temperature above 1 brings the original back within `TOLERANCE`
heated      the same with a temperature below 1
forgetting  no sampling temperature brings the original back within `TOLERANCE`
collapsed   forgetting, and one token holds nearly everything (1 − collapse_threshold)

`TOLERANCE` is 0.1 nat: a tenth more perplexity on original data.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxcollapse.analysis.median import median
from jaxcollapse.analysis.status import at_generation, counted, has_status

TOLERANCE = 0.1
_MISSING, _DIVERGED = -1, -2
VERDICTS = ("unchanged", "cooled", "heated", "forgetting", "collapsed")
NEEDED = ("kl_to_initial", "recovery_gap", "recovery_temperature", "modal_probability")


@dataclass(frozen=True)
class Thresholds:
    """Where verdicts change.

    tolerance: log loss on original data that does not matter, nat. collapse: 1 − the probability from which on one
    token holds nearly everything.
    """

    tolerance: float = TOLERANCE
    collapse: float = 0.01

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance = {self.tolerance} is not a log loss; it is 0 nat or more")
        if not 0 < self.collapse < 1:
            raise ValueError(f"collapse_threshold = {self.collapse} is not between 0 and 1")

    @classmethod
    def of(
        cls, data: xr.Dataset, tolerance: float | None = None, collapse_threshold: float | None = None
    ) -> "Thresholds":
        """These thresholds; by default `TOLERANCE`, and what the dataset calls collapsed."""
        collapse = (
            data.attrs.get("collapse_threshold", cls.collapse) if collapse_threshold is None else collapse_threshold
        )
        return cls(TOLERANCE if tolerance is None else float(tolerance), float(collapse))


def verdicts(data: xr.Dataset, generation: int | None = None, thresholds: Thresholds | None = None) -> xr.DataArray:
    """The verdict of each cell, as an index into `VERDICTS`; negative where there is none (see `name_of`).

    Args:
        data: a dataset with the variables `NEEDED` (the default observables have them).
        generation: a recorded one, by default the last.
        thresholds: by default `TOLERANCE` and the dataset's own.

    Raises:
        ValueError: a variable is missing, or the generation is not recorded.
    """
    check_needed(data)
    middle = {name: final_median(data, name, generation) for name in NEEDED}
    found = words({name: values.values for name, values in middle.items()}, thresholds or Thresholds.of(data))
    without = xr.where(has_status(data, "diverged").any("replicate"), _DIVERGED, _MISSING)
    word = middle["kl_to_initial"].copy(data=found)
    return _explained(xr.where(word < 0, without, word))


def words(values: Mapping[str, np.ndarray], thresholds: Thresholds) -> np.ndarray:
    """The definition of the verdicts: an index into `VERDICTS` for each place of the arrays `NEEDED`, -1 for NaN."""
    same = values["kl_to_initial"] <= thresholds.tolerance
    recoverable = values["recovery_gap"] <= thresholds.tolerance
    collapsed = values["modal_probability"] >= 1 - thresholds.collapse
    word = np.where(recoverable, np.where(values["recovery_temperature"] >= 1, 1, 2), np.where(collapsed, 4, 3))
    return np.where(np.isnan(values["kl_to_initial"]), _MISSING, np.where(same, 0, word))


def check_needed(data: xr.Dataset) -> None:
    """Raises ValueError if the dataset lacks an observable that verdicts need."""
    missing = [name for name in NEEDED if name not in data]
    if missing:
        raise ValueError(f"the verdict needs the observables {', '.join(missing)}")


def name_of(verdict: int) -> str:
    """A verdict in one word: one of `VERDICTS`, else "missing" (not computed) or "diverged" (all that was computed)."""
    return VERDICTS[verdict] if verdict >= 0 else {_MISSING: "missing", _DIVERGED: "diverged"}[verdict]


def final_median(data: xr.Dataset, name: str, generation: int | None = None) -> xr.DataArray:
    """The median over replicates at the last generation, or at a recorded one; those that diverged do not vote."""
    return median(counted(data, at_generation(data[[name]], generation)[name]))


def _explained(word: xr.DataArray) -> xr.DataArray:
    """With CF flags, so that the codes can be read without this package."""
    word = word.astype(np.int8)
    word.attrs = {
        "long_name": "verdict",
        "flag_values": np.arange(_DIVERGED, len(VERDICTS), dtype=np.int8),
        "flag_meanings": " ".join(name_of(code) for code in range(_DIVERGED, len(VERDICTS))),
    }
    return word.rename("verdict")
