"""Simulation next to theory: means over replicates with their intervals, and the curve that theory draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.labels import titled
from jaxcollapse.analysis.plot.arrangement import arrange
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.plot.panels import MOST_PANELS, Panels
from jaxcollapse.analysis.plot.scale import Scale, dress_generations
from jaxcollapse.analysis.status import counted, has_status, is_event, number_of_replicates
from jaxcollapse.analysis.summary import check_confidence, means, shares
from jaxcollapse.analysis.theory import predict

_POINTS = 24  # in a panel, for each line


def against_theory(
    data: xr.Dataset,
    name: str,
    hue: str | None = None,
    panels: str | Sequence[str] | None = None,
    confidence: float = 0.95,
    **selection: Any,
) -> Picture:
    """Means of simulated trajectories as points with intervals, theory as lines; of events, the share past them.

    Args:
        data: any part of a result that has generation 0.
        name: a variable that theory predicts, see `theory.LAWS`.
        hue: the axis along which lines differ, by default the longest one with numbers that is left.
        panels: the axes whose values have panels of their own, by default the others as far as they have room.
            Of many values some are shown, evenly spread; the title says which.
        confidence: of the intervals, between 0 and 1.
        selection: values at which other axes are held, by default the middle ones.

    Raises:
        ValueError: theory predicts it for no cell, or there is no such axis or value.
    """
    data = in_order(data)
    check_confidence(confidence)
    curve = predict(data, name)
    where = arrange(data, curve.isel(generation=0, drop=True), {"hue": hue}, selection, panels, MOST_PANELS)
    drawn = Panels.of(data, where)
    places = np.unique(np.linspace(0, data.sizes["generation"] - 1, _POINTS).round().astype(int))
    measured = _measured(data.isel(generation=places), name, where.held, confidence)
    lines = drawn.shown(curve.isel(where.held))
    both = np.append(lines.values.ravel(), drawn.shown(measured).values.ravel())
    scale = Scale.of_shares() if is_event(data[name]) else Scale.of(both)
    for panel, place in drawn.panels:
        for group in drawn.hues:
            cell = {**place, **group.cell}
            look = {**group.look, "marker": ""}
            label = group.text if group.cell else None
            panel.plot(data.generation, scale.place(curve.isel({**where.held, **cell}).values), **look, label=label)
            estimate, low, high = (scale.place(measured.isel(cell).sel(bound=each).values) for each in measured.bound)
            with np.errstate(invalid="ignore"):  # ∞ − ∞
                reach = np.abs(np.stack([estimate - low, high - estimate]))
            panel.errorbar(
                measured.generation,
                estimate,
                np.where(np.isfinite(reach), reach, 0.0),
                color=group.look["color"],
                marker=group.look["marker"],
                linestyle="",
                markersize=4,
                linewidth=1,
                capsize=2,
            )
        dress_generations(panel, data.generation.values)
    first, _ = drawn.panels[0]
    scale.dress(first.yaxis)
    first.set_ylabel(titled(_measured_name(data, name), curve.attrs["units"]), parse_math=False)
    note = f"points: {_number(data, name, confidence)}, lines: theory"
    return drawn.finish(where.told(curve.isel(generation=0)), note)


def _measured(data: xr.Dataset, name: str, held: dict[str, int], confidence: float) -> xr.DataArray:
    """Means, or shares past an event, at each generation, with their bounds."""
    values = counted(data, data[name]).isel(held)
    if is_event(data[name]):
        known = has_status(data, "complete").isel(held)
        curve = [shares(values <= generation, known, confidence) for generation in data.generation.values.tolist()]
        return xr.concat(curve, data.generation)
    return means(values, confidence)


def _number(data: xr.Dataset, name: str, confidence: float) -> str:
    """A line of text: over how many replicates the points are, and whether they have intervals."""
    number = number_of_replicates(data)
    if number != "1":
        what = "share" if is_event(data[name]) else "mean"
        return f"{what} of {number} replicates with {confidence:.0%} intervals"
    return "one replicate" + (f" with {confidence:.0%} intervals" if is_event(data[name]) else "")


def _measured_name(data: xr.Dataset, name: str) -> str:
    long_name = data[name].attrs.get("long_name", name)
    return f"share of trajectories past the {long_name}" if is_event(data[name]) else f"mean {long_name}"
