"""Single trajectories and their mean: what each replicate does, and what is left of it on average."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.labels import titled
from jaxcollapse.analysis.plot.arrangement import arrange
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.plot.panels import MOST_PANELS, Panels
from jaxcollapse.analysis.plot.scale import Scale, dress_generations
from jaxcollapse.analysis.plot.trajectories import over_generations
from jaxcollapse.analysis.status import counted, label_of

_COLOURS = ("#E69F00", "#0072B2", "#009E73")  # of the first trajectories, which the eye can follow
_GREY = "#999999"


def replicates(
    data: xr.Dataset, name: str, panels: str | Sequence[str] | None = None, most: int = 20, **selection: Any
) -> Picture:
    """Single trajectories as thin lines, the first three in colour, and the mean over all replicates as a thick one.

    Args:
        data: any part of a result.
        name: an observable.
        panels: the axes whose values have panels of their own, by default all as far as they have room.
            Of many values some are shown, evenly spread; the title says which.
        most: trajectories of a panel that are drawn; the mean is that of all.
        selection: values at which other axes are held, by default the middle ones.

    Raises:
        ValueError: there is no such observable, axis or value, or no generations or replicates.
    """
    data = in_order(data)
    chosen = over_generations(data, name)
    axes = chosen.isel(replicate=0, generation=0, drop=True)
    where = replace(arrange(data, axes, {}, selection, panels, MOST_PANELS), roles={"hue": None})
    values = counted(data, chosen).compute()
    drawn = Panels.of(data, where)
    scale = Scale.of(drawn.shown(values.isel(where.held)).values)
    for panel, place in drawn.panels:
        lines = values.isel({**where.held, **place}).transpose("replicate", "generation")
        for number, line in enumerate(lines[:most].values):
            colour = _COLOURS[number] if number < len(_COLOURS) else _GREY
            panel.plot(data.generation, scale.place(line), linewidth=1.0, color=colour, zorder=3 - number / len(lines))
        with np.errstate(invalid="ignore"):  # ∞ − ∞
            mean = lines.mean("replicate").values
        panel.plot(data.generation, scale.place(mean), color="black", linewidth=2.5, zorder=4)
        dress_generations(panel, data.generation.values)
    first, _ = drawn.panels[0]
    scale.dress(first.yaxis)
    first.set_ylabel(titled(*label_of(chosen)), parse_math=False)
    number, shown = values.sizes["replicate"], min(most, values.sizes["replicate"])
    note = f"thin: {shown} of {number} trajectories, thick: the mean of all" if number > 1 else "one trajectory"
    return drawn.finish(where.told(axes), note)
