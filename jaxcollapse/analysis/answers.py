"""What became of the right answers of a cell, in one word: is the model only more accurate, or has it lost answers?

unchanged   the accuracy is within `tolerance` of the original's, and at most `tolerance` of the right answers is lost
sharper     more accurate, and no more than `tolerance` of the right answers is lost
narrowed    more accurate, but right answers are lost: one attempt succeeds more often, some answers never come again
lost        right answers are lost, and the model is not more accurate
worse       less accurate, but no right answers are lost

What is lost is `lost_correct_mass`: the share of the right answers of p0, by their probability there, whose probability
is now at most `support_threshold`.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxcollapse.analysis.median import median
from jaxcollapse.analysis.status import at_generation, counted, has_status, variable

ANSWERS = ("unchanged", "sharper", "narrowed", "lost", "worse")
NEEDED = ("accuracy", "lost_correct_mass")
TOLERANCE = 0.05


class RightAnswers(xr.Dataset):
    """Words for what became of right answers: a dataset that can say them."""

    __slots__ = ()

    def words(self) -> xr.DataArray:
        """The word of each cell: one of `ANSWERS`, or "unknown" where no trajectory counts."""
        word = self["word"]
        named = [ANSWERS[int(code)] if code >= 0 else "unknown" for code in word.values.ravel()]
        return word.copy(data=np.array(named).reshape(word.shape)).assign_attrs(long_name="right answers")


def answers(data: xr.Dataset, generation: int | None = None, tolerance: float = TOLERANCE) -> RightAnswers:
    """What became of the right answers of each cell, from the medians over its replicates.

    `word` is an index into `ANSWERS`; negative where no trajectory counts. `gain` is the change of the accuracy since
    generation 0, `lost` the share of the right answers that is lost. `share` gives for each word how many replicates
    have it on their own, and `counted` is their number.

    Args:
        data: a dataset with the observables of the group "correct", whose first record is generation 0.
        generation: a recorded one, by default the last.
        tolerance: change of the accuracy, and share of lost answers, that does not matter.

    Raises:
        ValueError: an observable or generation 0 is missing, or the tolerance is not between 0 and 1.
    """
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance = {tolerance} is not a change of a probability; use 0 to below 1")
    for name in NEEDED:
        variable(data, name)
    start, then = at_generation(data, 0), at_generation(data, generation)
    gain = counted(data, then["accuracy"] - start["accuracy"]).compute()
    lost = counted(data, then["lost_correct_mass"]).compute()
    own = _words([gain.values, lost.transpose(*gain.dims).values], tolerance)
    each = gain.copy(data=own)
    number = (each >= 0).sum("replicate")
    shares = [(each == code).sum("replicate") / number.where(number > 0) for code in range(len(ANSWERS))]
    gains, losses = median(gain), median(lost)
    word = gains.copy(data=_words([gains.values, losses.transpose(*gains.dims).values], tolerance))
    share = xr.concat(shares, "outcome").transpose(..., "outcome")
    made = {
        "word": word.assign_attrs(long_name="what became of right answers", units="1"),
        "gain": gains.assign_attrs(long_name="change of the accuracy", units="1"),
        "lost": losses.assign_attrs(long_name="share of right answers that is lost", units="1"),
        "share": share.assign_attrs(long_name="share of replicates with this word", units="1"),
        "counted": has_status(data, "complete")
        .sum("replicate")
        .compute()
        .assign_attrs(long_name="trajectories counted", units="1"),
    }
    made = {name: values.drop_vars("generation", errors="ignore") for name, values in made.items()}
    return RightAnswers(made, {"outcome": list(ANSWERS), "generation": then.generation}, {"tolerance": tolerance})


def words_at(data: xr.Dataset, generation: int, tolerance: float = TOLERANCE) -> xr.DataArray:
    """The word of each cell at a recorded generation: an index into `ANSWERS`, -1 where no trajectory counts."""
    start, then = at_generation(data, 0), at_generation(data, generation)
    gains = median(counted(data, then["accuracy"] - start["accuracy"]))
    losses = median(counted(data, then["lost_correct_mass"])).transpose(*gains.dims)
    return gains.copy(data=_words([gains.values, losses.values], tolerance)).drop_vars("generation", errors="ignore")


def _words(values: Sequence[np.ndarray], tolerance: float) -> np.ndarray:
    """The definition of the words: an index into `ANSWERS` for each pair of a gain and a loss, -1 for NaN."""
    gain, lost = values
    is_lost, is_better, is_worse = lost > tolerance, gain > tolerance, gain < -tolerance
    conditions = [np.isnan(gain), is_better & is_lost, is_better, is_lost, is_worse]
    codes = [-1, *(ANSWERS.index(word) for word in ("narrowed", "sharper", "lost", "worse"))]
    return np.select(conditions, codes, ANSWERS.index("unchanged"))
