"""How much each axis and each pair of axes explains: bars with intervals."""

from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.importance import importance
from jaxcollapse.analysis.plot.arrangement import place_of
from jaxcollapse.analysis.plot.figure import Picture, headline
from jaxcollapse.analysis.status import cell_dims, label_of, variable

_MOST_BARS = 16
_WIDTH, _HEIGHT, _BAR = 6.5, 1.6, 0.28  # inches of the picture, of all but its bars, and of a bar
_EXPLAINED, _TOTAL, _REST = "#2f75bd", "#9ec4ea", "#b5b5b5"


def importance_bars(
    data: xr.Dataset, name: str, generation: int | None = None, confidence: float = 0.95, **selection: Any
) -> Picture:
    """A bar for each axis, pair of axes and the rest: its share of the variance over cells; behind an axis, its total.

    Args:
        data: any part of a result.
        name: an observable.
        generation: a recorded one, by default the last.
        confidence: of the intervals, between 0 and 1.
        selection: values at which axes are held, which then explain nothing.

    Raises:
        ValueError: what `importance.importance` refuses, there is no such axis or value, or with scattered points
            another axis has several values.
    """
    axes = cell_dims(data.status) if "status" in data else []
    held = {each: place_of(data, axes, each, value) for each, value in selection.items()}
    part = data.isel({each: [place] for each, place in held.items()})
    found = importance(part, name, generation, confidence)
    found = found.squeeze([each for each in found.dims if each not in ("term", "axis", "bound")], drop=True)
    if several := [str(each) for each in found.dims if each not in ("term", "axis", "bound")]:
        raise ValueError(f"{several[0]!r} has several values; hold it at one of them, as in {several[0]}=…")
    share, total = found.share, found.total
    order = _shown(share)
    terms, axis_names = [str(each) for each in share.term.values], [str(each) for each in found.axis.values]
    longest = max(len(_called(data, terms[place])) for place in order)
    picture = Picture(_WIDTH + 0.07 * max(longest - 20, 0), _HEIGHT + _BAR * len(order))
    panel = picture.subplots()
    for row, place in enumerate(order):
        estimate, low, high = share.values[place]
        colour = _EXPLAINED if set(terms[place].split(" × ")) <= set(axis_names) else _REST
        if terms[place] in axis_names:
            whole = float(total.values[axis_names.index(terms[place]), 0])
            label = "with its interactions" if row == 0 or not panel.get_legend_handles_labels()[1] else None
            panel.barh(row, whole, height=0.8, color=_TOTAL, label=label)
        panel.barh(row, estimate, height=0.45, color=colour)
        if np.isfinite(low):
            ends = [[max(estimate - low, 0.0)], [max(high - estimate, 0.0)]]
            panel.errorbar(estimate, row, xerr=ends, color="#000000", capsize=3, linewidth=1.2)
    panel.set_yticks(range(len(order)), [_called(data, terms[place]) for place in order], parse_math=False)
    panel.invert_yaxis()
    panel.set_xlim(left=min(0.0, float(np.nanmin(share.values[order, 0]))))
    panel.axvline(0, color="#5f6368", linewidth=0.8)
    long_name, _ = label_of(variable(data, name))
    panel.set_xlabel("share of the variance over cells")
    if panel.get_legend_handles_labels()[1]:
        panel.legend(frameon=False, loc="best")
    when = "" if found.attrs["generation"] < 0 else f" at generation {found.attrs['generation']}"
    left = len(terms) - len(order)
    without = [f"without the {left} pairs that explain least"] if left else []
    note = f"what the mean {long_name}{when} depends on, with {confidence:.0%} intervals"
    picture.entitle(headline(data, held), note, *without)
    return picture


def _shown(share: xr.DataArray) -> list[int]:
    """The terms that have bars: all axes, and of the pairs those that explain most; the rest is below."""
    names = [str(each) for each in share.term.values]
    pairs = [place for place, name in enumerate(names) if " × " in name]
    room = max(_MOST_BARS - (len(names) - len(pairs)), 1)
    best = sorted(pairs, key=lambda place: -np.nan_to_num(share.values[place, 0]))[:room]
    return [place for place in range(len(names)) if place not in pairs or place in best]


def _called(data: xr.Dataset, term: str) -> str:
    """A term by the long names of its axes."""
    return " × ".join(
        str(data[name].attrs.get("long_name", name)) if name in data.coords else name for name in term.split(" × ")
    )
