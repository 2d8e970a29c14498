"""Where one line of cells crosses a level, and between which of its values that is sure.

Each value of the axis has an estimate with an interval. A value is *sure* to be above or below the level if its
interval does not contain the level. From each end of the line the values are followed as long as they are sure and on
the same side. The crossing is between the last value from the left and the last one from the right.

If the true curve crosses the level once, between two neighbouring values, these bounds are wrong only if the interval
of one of the two is wrong: a run that goes too far ends with a wrong claim at such a neighbour. Each claim is
one-sided, so both bounds hold with the confidence of the intervals, without a correction for the number of values, a
model of the curve, or independent values.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SIDES = ("crosses", "below", "above", "unknown")
DIRECTIONS = {0: "neither", 1: "rises", -1: "falls"}
_HUGE = 1e300  # in place of ∞, so that sums are finite
_DECADE = 10.0  # least ratio of the largest to the smallest value of a logarithmic axis


@dataclass(frozen=True)
class Crossing:
    """Where a line of cells crosses a level.

    Attributes:
        estimate: the place of the crossing; NaN if the estimates do not cross, or cross several times for sure.
        lower: the place from which on the crossing is sure to be; −∞ if it may be below the first value.
        upper: the place up to which the crossing is sure to be; ∞ if it may be above the last value.
        crossings: number of times that the estimates cross the level.
        certain: number of times that the values that are sure cross the level.
        side: an index into `SIDES`: where all estimates are.
        direction: 1 if the last estimate is above and the first one below, −1 if it is the other way, else 0.
    """

    estimate: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    crossings: int = 0
    certain: int = 0
    side: int = SIDES.index("unknown")
    direction: int = 0


def crossing(x: Float[np.ndarray, " place"], curve: Float[np.ndarray, "place 3"], level: float) -> Crossing:
    """Where a curve crosses a level.

    Args:
        x: values of the axis, ascending; 0 and ∞ are allowed.
        curve: estimate, low and high at each value. NaN bounds are never sure, and values without an estimate do not
            count.
        level: in the units of the curve. An estimate at the level counts as above.
    """
    known = ~np.isnan(curve[:, 0])
    is_log = is_logarithmic(x)
    x, (estimate, low, high) = x[known], curve[known].T
    if not x.size:
        return Crossing()
    above, sure = estimate >= level, (low > level).astype(int) - (high < level)
    crossings, certain = (int(np.count_nonzero(np.diff(each))) for each in (above.astype(int), sure[sure != 0]))
    direction = int(above[-1]) - int(above[0])
    side = SIDES.index("crosses") if crossings else SIDES.index("above" if above[0] else "below")
    if sure.all() and not certain:
        return Crossing(side=side)
    left, right = _run(sure), _run(sure[::-1])
    lower = float(x[left - 1]) if left else -np.inf
    upper = float(x[-right]) if right else np.inf
    middle = np.nan
    if direction and certain <= 1:
        middle = float(np.clip(_place(x, estimate, level, direction, is_log=is_log), lower, upper))
    return Crossing(middle, lower, upper, crossings, certain, side, direction)


def is_logarithmic(x: Float[np.ndarray, " place"]) -> bool:
    """Whether the finite values of an axis are positive, span a decade, and are spaced more evenly by ratio."""
    finite = x[np.isfinite(x)]
    if finite.size < 2 or finite[0] <= 0 or finite[-1] < _DECADE * finite[0]:
        return False
    steps, ratios = np.diff(finite), np.diff(np.log(finite))
    return bool(ratios.std() / ratios.mean() <= steps.std() / steps.mean())


def between(left: float, right: float, weight: float, *, is_log: bool) -> float:
    """The place between two values of an axis: on its own scale; in 1/x if the right one is infinite."""
    if np.isinf(right):
        return left / (1 - weight) if weight < 1 else right
    if is_log and left > 0:
        return float(left * (right / left) ** weight)
    return left + weight * (right - left)


def position(x: Float[np.ndarray, " place"], value: float, *, is_log: bool) -> float:
    """Where a value is between the indices of an axis, by the scale of `between`; half a step beyond its ends."""
    if np.isnan(value):
        return np.nan
    last = len(x) - 1
    if value >= x[last]:
        return float(last) if value == x[last] else last + 0.5
    if value <= x[0]:
        return 0.0 if value == x[0] else -0.5
    place = int(np.searchsorted(x, value, side="right")) - 1
    left, right = float(x[place]), float(x[place + 1])
    if np.isinf(right):
        return place + 1 - left / value
    if is_log and left > 0:
        return place + float(np.log(value / left) / np.log(right / left))
    return place + (value - left) / (right - left)


def _run(sure: np.ndarray) -> int:
    """Number of values from the first one on that are sure and on its side."""
    return int(np.argmin(np.append(sure == sure[0], False))) if sure[0] else 0


def _place(x: np.ndarray, estimate: np.ndarray, level: float, direction: int, *, is_log: bool) -> float:
    """Where the estimates cross the level, or the monotone curve that fits them best if they cross several times."""
    rising = np.clip(direction * (estimate - level), -_HUGE, _HUGE)
    if np.count_nonzero(np.diff(estimate >= level)) > 1:
        from scipy.optimize import isotonic_regression  # which takes long to import

        rising = np.asarray(isotonic_regression(rising).x)
    first = int(np.argmax(rising >= 0))
    if first == 0:  # the first estimate is at the level, which counts as above, and the others fall
        return float(x[0])
    rise = rising[first] - rising[first - 1]
    is_step = np.isinf(estimate[[first - 1, first]]).any()
    return between(x[first - 1], x[first], 0.5 if is_step else float(-rising[first - 1] / rise), is_log=is_log)
