"""How sure the verdict of a cell is."""

import numpy as np
import xarray as xr

from jaxcollapse.analysis.median import lower_median
from jaxcollapse.analysis.status import at_generation, counted, has_status
from jaxcollapse.analysis.verdict import (
    VERDICTS,
    Thresholds,
    check_needed,
    comparable,
    name_of,
    needed_by,
    verdicts,
    words,
)

RESAMPLES = 1000
_AT_ONCE = 2**22  # resampled values


class Classification(xr.Dataset):
    """Verdicts of cells: a dataset that can say them in words."""

    __slots__ = ()

    def words(self) -> xr.DataArray:
        """The verdict of each cell as a word: one of `VERDICTS`, "missing" or "diverged"."""
        verdict = self["verdict"]
        named = [name_of(int(code)) for code in verdict.values.ravel()]
        return verdict.copy(data=np.array(named).reshape(verdict.shape)).assign_attrs(long_name="verdict")


def classify(
    data: xr.Dataset,
    generation: int | None = None,
    tolerance: float | None = None,
    collapse_threshold: float | None = None,
    share: float | None = None,
) -> Classification:
    """The verdict of each cell, and how sure it is.

    `verdict` is that of the median replicate. `share` gives for each possible verdict how many replicates have it
    on their own, and `agreement` how many have the cell's. `confidence` is the share of bootstrap samples of the
    replicates, drawn from a fixed seed, whose median has the same verdict, and at most that of `most_sure`; NaN for a
    single replicate, which says nothing about others. `counted` is the number of replicates.

    Args:
        data: a dataset with the default observables.
        generation: a recorded one, by default the last.
        tolerance: log loss on original data that does not matter, nat; by default 0.1.
        share: least share of the loss that a temperature has to bring back; by default 0.5.
        collapse_threshold: 1 − the probability from which on one token holds nearly everything; by default the sweep's.

    Raises:
        ValueError: an observable is missing, the generation is not recorded, or a threshold is out of range.
    """
    check_needed(data)
    data, needed = comparable(data), needed_by(data)
    thresholds = Thresholds.of(data, tolerance, collapse_threshold, share)
    verdict = verdicts(data, generation, thresholds)
    then = at_generation(data[[*needed, "status"]], generation)
    columns = [counted(then, then[name]).transpose(..., "replicate").values for name in needed]
    own = words(columns, thresholds)
    is_known = own >= 0
    number = np.where(is_known.any(axis=-1, keepdims=True), is_known.sum(axis=-1, keepdims=True), np.nan)
    shares = np.concatenate([(own == code).sum(axis=-1, keepdims=True) for code in range(len(VERDICTS))], axis=-1)
    cell = verdict.transpose(*(name for name in then.status.dims if name != "replicate"))
    agreement = ((own == cell.values[..., None]).sum(axis=-1, keepdims=True) / number)[..., 0]
    table = [values.reshape(-1, own.shape[-1]) for values in columns]
    confidence = _confidence(table, cell.values.reshape(-1), thresholds).reshape(own.shape[:-1])
    made = {
        "verdict": cell,
        "share": ((*cell.dims, "outcome"), shares / number, _label("share of replicates with this verdict")),
        "agreement": (cell.dims, agreement, _label("share of replicates with the verdict of the cell")),
        "confidence": (cell.dims, confidence, _label("share of bootstrap samples with the verdict of the cell")),
        "counted": has_status(data, "complete").sum("replicate").compute().assign_attrs(_label("trajectories counted")),
    }
    attributes = {
        "tolerance": thresholds.tolerance,
        "share": thresholds.share,
        "collapse_threshold": thresholds.collapse,
    }
    return Classification(made, {"outcome": list(VERDICTS), "generation": then.generation}, attributes)


def _confidence(table: list[np.ndarray], verdict: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """For each cell [cell, replicate], the share of resamples whose verdict is the cell's."""
    found = np.full(len(verdict), np.nan)
    known = ~np.isnan(table[0])
    for number in np.unique(known.sum(axis=-1)).tolist():
        if number < 2:
            continue
        drawn = np.random.default_rng(0).integers(number, size=(RESAMPLES, number))
        alike = np.flatnonzero(known.sum(axis=-1) == number)
        for places in np.array_split(alike, max(1, -(-len(alike) * drawn.size // _AT_ONCE))):
            few = [values[places][known[places]].reshape(-1, number) for values in table]
            again = words([lower_median(values[:, drawn]) for values in few], thresholds)
            found[places] = (again == verdict[places, None]).mean(axis=-1)
    return np.minimum(found, most_sure(known.sum(axis=-1)))


def most_sure(number: np.ndarray) -> np.ndarray:
    """How sure so many replicates can make us, even if all agree: 1 − 2⁻ⁿ.

    If the median of the law were on the other side of a threshold, each replicate would be on this side with
    probability 1/2 at most, so that all n are with 2⁻ⁿ at most. A bootstrap does not know what it did not see.
    """
    return np.asarray(1 - 0.5**number)


def _label(text: str) -> dict[str, str]:
    return {"long_name": text, "units": "1"}
