"""Where losses begin and end on lines of cells that are not complete, as those of a refined study."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxcollapse.analysis.boundary import boundary
from jaxcollapse.analysis.labels import number, spread
from jaxcollapse.report.axes import ShownAxis, listed
from jaxcollapse.report.outcome import Outcome

_LINES = 3  # that are named


def bounded(data: xr.Dataset, axes: Sequence[ShownAxis], outcome: Outcome) -> list[str]:
    """For each axis a sentence that says between which of its values losses begin or end, on some lines of cells.

    Only lines are named on which the crossing is sure to be between two values, by `ds.collapse.boundary`.
    """
    if not outcome.question.is_verdict:
        return []
    found = []
    for axis in axes:
        if axis.order is None or len(axis) == 1:
            continue
        told = boundary(data, axis.dim, verdict=[outcome.question.words[code] for code in outcome.question.lost])
        others = [each for each in axes if each is not axis]
        table = told.transpose(*(each.dim for each in others))
        sure = (table.certain == 1) & np.isfinite(table.lower) & np.isfinite(table.upper) & (table.direction != 0)
        places = np.argwhere(sure.values)
        named = [places[each] for each in spread(len(places), _LINES)] if len(places) else []
        lines = [_line(table, others, tuple(place.tolist()), outcome.question.loss) for place in named]
        heads = [None, *(head for head, _ in lines)]
        parts = [where if head == heads[at] else f"{head} {where}" for at, (head, where) in enumerate(lines)]
        if parts:
            grow = f"As {axis.words} {'grow' if axis.words.endswith('s') else 'grows'}"
            found.append((len(places), f"{grow}, {listed(parts)} (95 % bounds)."))
    return [text for _, text in sorted(found, key=lambda each: -each[0])]


def _line(table: xr.Dataset, others: Sequence[ShownAxis], place: tuple[int, ...], loss: str) -> tuple[str, str]:
    """ "loss begins" and "between 0.989 and 0.992 at batch size 16"."""
    low, high, direction = (float(table[name].values[place]) for name in ("lower", "upper", "direction"))
    where = [axis.told([at]) for axis, at in zip(others, place, strict=True) if len(axis) > 1]
    at = f" at {', '.join(where)}" if where else ""
    return f"{loss} {'begins' if direction > 0 else 'ends'}", f"between {number(low, 4)} and {number(high, 4)}{at}"
