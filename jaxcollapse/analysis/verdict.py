"""What became of a cell, in one word, from the median replicate at the last generation.

unchanged   the log loss on original data is within `tolerance` of the original's
cooled      another sampling temperature brings most of the loss back, and it is above 1
heated      another sampling temperature brings most of the loss back, and it is below 1
distorted   no temperature does, but an increasing function of the probabilities does, and the mode is kept
forgetting  no rule that looks at probabilities alone brings the loss back: tokens, modes or their order are lost
collapsed   forgetting, and one token holds nearly everything (1 − collapse_threshold)

"Brings most of the loss back" has two sides. What is left is at most `tolerance`, 0.1 nat: a tenth more perplexity on
original data. And it is at most 1 − `share`, one half, of the loss, and of the loss of the uniform distribution: a
model gets no credit for what anyone has who knows the vocabulary only. A temperature of ∞ makes everything uniform, so
it brings nothing back.

After a refit to N samples the loss and the gap are those of the smoothed model (`smoothed_kl_to_initial`), since a
single lost token makes the others infinite. Where a model has several rows, the log loss is a mean over the tokens of
traces, and one temperature has to bring all rows back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxcollapse.analysis.fields import check_told
from jaxcollapse.analysis.median import median
from jaxcollapse.analysis.status import at_generation, counted, has_status
from jaxcollapse.observables.registry import FOR_VERDICTS, FOR_VERDICTS_OF_ROWS
from jaxcollapse.observables.verdict import SHARE, UNKNOWN, codes
from jaxcollapse.observables.verdict import TOLERANCE as TOLERANCE
from jaxcollapse.observables.verdict import VERDICTS as VERDICTS

_MISSING, _DIVERGED = UNKNOWN, -2
ABSENT = -3  # the sweep has no cell there: pictures and tables show nothing
NEEDED: tuple[str, ...] = FOR_VERDICTS
NEEDED_OF_ROWS: tuple[str, ...] = FOR_VERDICTS_OF_ROWS
_PLANES = {  # how far it has cooled, and what no temperature brings back
    NEEDED: ("effective_temperature", "smoothed_recovery_gap"),
    NEEDED_OF_ROWS: ("shared_effective_temperature", "shared_smoothed_recovery_gap"),
}
_PLAIN = ("kl_to_initial", "recovery_gap", "recovery_temperature")  # without smoothing
_ONE_ROW = "categorical"  # the model that has one


@dataclass(frozen=True)
class Thresholds:
    """Where verdicts change.

    Attributes:
        tolerance: log loss on original data that does not matter, in nat.
        share: least share of the loss that has to come back.
        collapse: ε: a model has collapsed when its most likely token has probability 1 − ε or more.
    """

    tolerance: float = TOLERANCE
    collapse: float = 0.01
    share: float = SHARE

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance = {self.tolerance} is not a log loss; it is 0 nat or more")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share = {self.share} is not a share; use 0 to 1")
        if not 0 <= self.collapse < 1:
            raise ValueError(f"collapse_threshold = {self.collapse} is not at least 0 and below 1")

    @classmethod
    def of(
        cls,
        data: xr.Dataset,
        tolerance: float | None = None,
        collapse_threshold: float | None = None,
        share: float | None = None,
    ) -> "Thresholds":
        """These thresholds; by default `TOLERANCE`, `SHARE`, and what the dataset calls collapsed.

        Raises:
            ValueError: cells of joined datasets have different ones, or a threshold is out of range.
        """
        collapse = _collapse_threshold(data, cls.collapse) if collapse_threshold is None else collapse_threshold
        return cls(
            TOLERANCE if tolerance is None else float(tolerance),
            float(collapse),
            SHARE if share is None else float(share),
        )


def _collapse_threshold(data: xr.Dataset, otherwise: float) -> float:
    """The threshold of collapse that all cells share."""
    found = np.unique(data.coords.get("collapse_threshold", data.attrs.get("collapse_threshold", otherwise)))
    known = found[~np.isnan(found)]
    if len(known) > 1:
        raise ValueError(
            f"the coordinate collapse_threshold has the values {', '.join(f'{each:g}' for each in known)}; "
            "select cells that have one of them, or give collapse_threshold to classify"
        )
    return float(known[0]) if known.size else otherwise


def verdicts(data: xr.Dataset, generation: int | None = None, thresholds: Thresholds | None = None) -> xr.DataArray:
    """The verdict of each cell, as an index into `VERDICTS`; negative if it has none (see `name_of`).

    Args:
        data: a dataset with the variables that are `needed_by` it (the default observables have them).
        generation: a recorded one, by default the last.
        thresholds: by default `TOLERANCE`, `SHARE` and the dataset's own.

    Raises:
        ValueError: a variable is missing, the generation is not recorded, or the coordinate `model` has been dropped.
    """
    check_needed(data)
    data = comparable(data)
    middle = [final_median(data, name, generation) for name in needed_by(data)]
    found = words([values.values for values in middle], thresholds or Thresholds.of(data))
    without = xr.where(has_status(data, "diverged").any("replicate").compute(), _DIVERGED, _MISSING)
    word = middle[0].copy(data=found)
    return _explained(xr.where(word < 0, without, word))


def words(values: Sequence[np.ndarray], thresholds: Thresholds) -> np.ndarray:
    """An index into `VERDICTS` for each place of the arrays `NEEDED`, -1 for NaN (see `observables.verdict.codes`)."""
    return codes(values, thresholds.tolerance, thresholds.collapse, thresholds.share)


def needed_by(data: xr.Dataset) -> tuple[str, ...]:
    """The observables that a dataset's verdicts follow from: `NEEDED`, or `NEEDED_OF_ROWS` if a model has several."""
    return NEEDED_OF_ROWS if (_models(data) != _ONE_ROW).any() else NEEDED


def plane_of(data: xr.Dataset) -> tuple[str, str]:
    """The observables that span the plane of cooling and forgetting: a temperature, and a gap."""
    return _PLANES[needed_by(data)]


def comparable(data: xr.Dataset) -> xr.Dataset:
    """The dataset; in a sweep over models of one row and of several, one row has what all rows together have."""
    has_one = _models(data) == _ONE_ROW
    if has_one.all() or not has_one.any():
        return data
    ones, several = ((*needed, *plane) for needed, plane in _PLANES.items())
    ones, several = (*ones, *_PLAIN), (*several, *(f"shared_{name}" for name in _PLAIN))
    pairs = {rows: one for one, rows in zip(ones, several, strict=True) if {one, rows} <= set(data.data_vars)}
    return data.assign({rows: data[rows].where(~has_one, data[one]) for rows, one in pairs.items() if rows != one})


def check_needed(data: xr.Dataset) -> None:
    """Raises ValueError if the dataset lacks an observable that verdicts need."""
    if missing := lacking(data):
        raise ValueError(
            f'the verdict needs the observables {", ".join(missing)}; observables = ["verdict"] records all of them'
        )


def lacking(data: xr.Dataset) -> list[str]:
    """The observables that verdicts need and the dataset does not have."""
    names = [*needed_by(data), *(NEEDED if (_models(data) == _ONE_ROW).any() else ())]
    return [name for name in dict.fromkeys(names) if name not in data]


def _models(data: xr.Dataset) -> xr.DataArray:
    """The model of each cell, where they differ."""
    if "model" not in data.coords:
        check_told(data, ["model"])
    models = data.coords.get("model", xr.DataArray(_ONE_ROW))
    return models.fillna(_ONE_ROW) if models.isnull().any() else models


def name_of(verdict: int) -> str:
    """A verdict in one word: one of `VERDICTS`, else "missing" (not computed) or "diverged" (all that was computed).

    Of `ABSENT` there is nothing to say.
    """
    return VERDICTS[verdict] if verdict >= 0 else {_MISSING: "missing", _DIVERGED: "diverged", ABSENT: ""}[verdict]


def without_absent(data: xr.Dataset, found: xr.DataArray) -> xr.DataArray:
    """Verdicts with `ABSENT` where the sweep has no cell."""
    if "is_cell" not in data.coords:
        return found
    is_cell = data["is_cell"].astype(bool)  # of joined datasets it may be missing, where all is
    return found.where(is_cell, ABSENT).astype(found.dtype).transpose(*found.dims).assign_attrs(found.attrs)


def final_median(data: xr.Dataset, name: str, generation: int | None = None) -> xr.DataArray:
    """The median over replicates at the last generation, or at a recorded one; those that diverged do not vote."""
    return median(counted(data, at_generation(data[[name]], generation)[name]))


def median_gap(data: xr.Dataset) -> xr.DataArray:
    """The median gap of each cell that verdicts follow from, at the last generation."""
    _, gap, *_ = needed_by(data)
    return final_median(comparable(data), gap)


def _explained(word: xr.DataArray) -> xr.DataArray:
    """Adds CF flags, so that the codes can be read without this package."""
    word = word.astype(np.int8)
    word.attrs = {
        "long_name": "verdict",
        "flag_values": np.arange(_DIVERGED, len(VERDICTS), dtype=np.int8),
        "flag_meanings": " ".join(name_of(code) for code in range(_DIVERGED, len(VERDICTS))),
    }
    return word.rename("verdict")
