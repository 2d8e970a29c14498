"""An observable over generations: the median of each cell, and the band that holds most of its replicates."""

from collections.abc import Sequence
from typing import Any

import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.band import banded
from jaxcollapse.analysis.labels import titled
from jaxcollapse.analysis.plot.arrangement import arrange
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.plot.panels import MOST_PANELS, Panels
from jaxcollapse.analysis.plot.scale import Scale, dress_generations
from jaxcollapse.analysis.status import (
    check_generations,
    counted,
    is_event,
    label_of,
    number_of_replicates,
    variable,
)


def trajectories(
    data: xr.Dataset, name: str, hue: str | None = None, panels: str | Sequence[str] | None = None, **selection: Any
) -> Picture:
    """Medians over generations, with bands that hold 80 % of the replicates.

    Args:
        data: any part of a result.
        name: an observable.
        hue: the axis along which lines differ, by default the longest one with numbers that is left.
        panels: the axes whose values have panels of their own, by default the others as far as they have room.
            Of many values some are shown, evenly spread; the title says which.
        selection: values at which other axes are held, by default the middle ones.

    Raises:
        ValueError: there is no such observable, axis or value, or no generations or replicates.
    """
    data = in_order(data)
    chosen = over_generations(data, name)
    axes = chosen.isel(replicate=0, generation=0, drop=True)
    where = arrange(data, axes, {"hue": hue}, selection, panels, MOST_PANELS)
    values = counted(data, chosen).compute()
    bands = xr.apply_ufunc(banded, values, input_core_dims=[["replicate"]], output_core_dims=[["bound"]])
    drawn = Panels.of(data, where)
    scale = Scale.of(drawn.shown(bands.isel(where.held)).values)
    for panel, place in drawn.panels:
        for group in drawn.hues:
            cell = {**where.held, **place, **group.cell}
            heights = scale.place(bands.isel(cell).transpose("bound", ...).values)
            panel.fill_between(
                data.generation, heights[0], heights[2], color=group.look["color"], alpha=0.18, linewidth=0
            )
            label = group.text if group.cell else None
            marks = max(1, data.sizes["generation"] // 8)
            panel.plot(
                data.generation, heights[1], **group.look, markersize=4, markevery=marks, linewidth=1.8, label=label
            )
        dress_generations(panel, data.generation.values)
    first, _ = drawn.panels[0]
    scale.dress(first.yaxis)
    first.set_ylabel(titled(*label_of(chosen)), parse_math=False)
    number = number_of_replicates(data)
    note = f"median of {number} replicates, band: 80 % of them" if number != "1" else "one replicate"
    return drawn.finish(where.told(axes), note)


def over_generations(data: xr.Dataset, name: str) -> xr.DataArray:
    """An observable that has a value for each generation.

    Raises:
        ValueError: there is no such observable, or it is an event, or the dataset has no generations.
    """
    chosen = variable(data, name)
    check_generations(data)
    if is_event(chosen) or "generation" not in chosen.dims:
        raise ValueError(
            f"{name!r} is the time of an event, not a value in each generation; use ds.collapse.collapse_time({name!r})"
        )
    return chosen
