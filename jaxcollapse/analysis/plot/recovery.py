"""Cooling or forgetting? Every trajectory by its effective temperature and by what no re-tempering brings back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.labels import titled
from jaxcollapse.analysis.plot.arrangement import arrange
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.plot.panels import MOST_PANELS, Panels
from jaxcollapse.analysis.plot.scale import Scale
from jaxcollapse.analysis.status import at_generation, counted, label_of, variable
from jaxcollapse.analysis.verdict import Thresholds, comparable, plane_of

_GREY = "#555555"


def recovery(
    data: xr.Dataset,
    hue: str | None = None,
    panels: str | Sequence[str] | None = None,
    generation: int | None = None,
    tolerance: float | None = None,
    **selection: Any,
) -> Picture:
    """The plane of cooling and forgetting: cooling moves a trajectory to the left, forgetting lifts it.

    Args:
        data: a dataset with `effective_temperature` and `recovery_gap`; where models have several rows, with
            `shared_effective_temperature` and `shared_recovery_gap`.
        hue: the axis whose values have colours and markers, by default the longest one with numbers that is left.
        panels: the axes whose values have panels of their own, by default the others as far as they have room.
            Of many values some are shown, evenly spread; the title says which.
        generation: a recorded one, by default the last.
        tolerance: the gap up to which a trajectory counts as recoverable, nat; by default that of the verdicts.
        selection: values of other axes; by default, all their cells are shown.

    Raises:
        ValueError: an observable is missing, or there is no such axis, value or generation.
    """
    data = in_order(data)
    names = plane_of(data)
    for name in names:
        variable(data, name)
    data = comparable(data)
    least = Thresholds.of(data, tolerance).tolerance
    then = at_generation(data[[*names, "status"]], generation)
    x, y = (counted(then, then[name]).transpose(..., "replicate").compute() for name in names)
    where = arrange(data, x.isel(replicate=0, drop=True), {"hue": hue}, selection, panels, MOST_PANELS)
    held = {name: where.held[name] for name in selection}
    x, y = x.isel(held), y.isel(held)
    drawn = Panels.of(data, where)
    across, up = Scale.of(drawn.shown(x).values, 1.0), Scale.of(drawn.shown(y).values, least)
    for panel, place in drawn.panels:
        for group in drawn.hues:
            at = [
                scale.place(each.isel({**place, **group.cell}).values.ravel()) for scale, each in ((across, x), (up, y))
            ]
            marker, colour = group.look["marker"], group.look["color"]
            label = group.text if group.cell else None
            panel.plot(*at, marker, color=colour, markersize=4.5, alpha=0.6, markeredgewidth=0, label=label)
        panel.axhline(least, color=_GREY, linewidth=1, linestyle="--")
        panel.axvline(1.0, color=_GREY, linewidth=1, linestyle=":")
        panel.set_xlabel(titled(*label_of(data[names[0]])), parse_math=False)
    first, _ = drawn.panels[0]
    across.dress(first.xaxis)
    up.dress(first.yaxis)
    first.set_ylabel(titled(*label_of(data[names[1]])), parse_math=False)
    _say_regions(first, least)
    unknown = int(np.isnan(x.values).sum())
    note = f"one point per trajectory after {int(then.generation)} generations"
    told = {name: place for name, place in held.items() if data.sizes[name] > 1}
    return drawn.finish(told, note + (f", {unknown} without a temperature" if unknown else ""))


def _say_regions(axis: Any, least: float) -> None:
    """What is above the threshold, and below."""
    for text, align, shift in (("forgotten", "bottom", 2), ("recoverable", "top", -2)):
        axis.annotate(
            text,
            (0.02, least),
            (0, shift),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va=align,
            fontsize=7,
            color=_GREY,
        )
