"""The definition of the verdicts, as a function of observables; `analysis.verdict` says what the words mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np

TOLERANCE = 0.1  # nat: log loss on original data that does not matter
SHARE = 0.5  # least share of the loss that a temperature has to bring back
UNKNOWN = -1
VERDICTS = ("unchanged", "cooled", "heated", "distorted", "forgetting", "collapsed")
_MODES = 0.9  # least share of tokens that are drawn from rows with the original mode
_ROUNDING = 1e-6  # nat: a distribution that is so close to uniform has nothing that could be brought back


def codes(
    values: Sequence[np.ndarray], tolerance: float = TOLERANCE, collapse: float = 0.01, share: float = SHARE
) -> np.ndarray:
    """The verdict of each place of some arrays, as an index into `VERDICTS`.

    Args:
        values: one array for each of `FOR_VERDICTS` (or `FOR_VERDICTS_OF_ROWS`), all of one shape.
        tolerance: log loss on original data that does not matter, in nat.
        collapse: ε: a model has collapsed when its most likely token has probability 1 − ε or more.
        share: least share of the loss that a temperature has to bring back.

    Returns:
        Integers of that shape; `UNKNOWN` where the loss is NaN.
    """
    loss, gap, temperature, order_gap, mode, uniform, modal = values
    at_stake = np.minimum(loss, uniform)

    def brings_back(left: np.ndarray) -> Any:
        return (left <= tolerance) & (left <= (1 - share) * at_stake) & (at_stake > _ROUNDING)

    word = np.select(
        [
            np.isnan(loss),
            loss <= tolerance,
            brings_back(gap) & (temperature >= 1) & np.isfinite(temperature),
            brings_back(gap) & (temperature < 1),
            brings_back(order_gap) & (mode >= _MODES),
            modal < 1 - collapse,
        ],
        [UNKNOWN, *range(len(VERDICTS) - 1)],
        VERDICTS.index("collapsed"),
    )
    return np.asarray(word)
