"""The phase diagram of scattered points: of a design, or a zip of many pairs of numbers, each with its verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.labels import fields_of
from jaxcollapse.analysis.looks import LOOKS
from jaxcollapse.analysis.plot.arrangement import arrange
from jaxcollapse.analysis.plot.figure import Picture, draw_key, headline, measured
from jaxcollapse.analysis.plot.panels import PanelGrid
from jaxcollapse.analysis.plot.scale import Scale
from jaxcollapse.analysis.status import cell_dims
from jaxcollapse.analysis.verdict import ABSENT, name_of
from jaxcollapse.sweep.process_fields import is_flag

_FEWEST = 9  # points; fewer pairs are rows of cells, with their values as labels
_PER_ROW = 4
_PANEL = (3.6, 3.4)  # inches
MARKERS = {  # of Matplotlib, for those that looks name
    "circle": "o",
    "inverted_triangle": "v",
    "triangle": "^",
    "hex": "h",
    "square": "s",
    "diamond": "D",
    "cross": "P",
}


def scattered_axis(data: xr.Dataset) -> str | None:
    """The longest axis whose values are many pairs of numbers; None if there is none."""
    found = [name for name in cell_dims(data.status) if data.sizes[name] >= _FEWEST and _is_pair(data, name)]
    return max(found, key=lambda name: data.sizes[name], default=None)


def scatter_diagram(
    data: xr.Dataset,
    words: xr.DataArray,
    points: str,
    selection: Mapping[str, Any],
    panels: str | Sequence[str] | None,
    most: int,
) -> Picture:
    """A point for each pair of numbers along an axis, with the colour and the marker of its verdict.

    Args:
        data: a dataset with the axis.
        words: the verdict of each cell, as an index into `VERDICTS`.
        points: the axis.
        selection: values at which other axes are held.
        panels: the axes whose values have panels of their own, by default all others as far as they have room.
        most: panels of the picture.
    """
    where = arrange(data, words, {"points": points}, selection, panels, most)
    grid = PanelGrid.of(data, where.panels, most, _PER_ROW)
    held, words = where.told(words), words.isel(where.held)
    figure = Picture(2.4 + _PANEL[0] * grid.columns, 0.9 + _PANEL[1] * grid.rows)
    drawn = grid.drawn(figure)
    fields, others = _numbers(data, points)[:2], _numbers(data, points)[2:]
    scales = [Scale.of(data[field].values) for field in fields]
    places = [scale.place(data[field].values) for scale, field in zip(scales, fields, strict=True)]
    for panel, here in drawn:
        found = words.isel(here).values
        for code in np.unique(found[found != ABSENT]).tolist():
            look, own = LOOKS[name_of(code)], found == code
            x, y = (each[own] for each in places)
            panel.scatter(x, y, s=42, c=look.colour, marker=MARKERS[look.marker], edgecolors="#5f6368", linewidths=0.8)
    first, _ = drawn[0]
    for scale, axis in zip(scales, (first.xaxis, first.yaxis), strict=True):
        scale.dress(axis)
    across, up = (str(data[field].attrs.get("long_name", field)) for field in fields)
    for number, (panel, _) in enumerate(drawn):
        if number >= len(drawn) - grid.columns:
            panel.tick_params(labelbottom=True)
            panel.set_xlabel(across, parse_math=False)
        if number % grid.columns == 0:
            panel.set_ylabel(up, parse_math=False)
    draw_key(figure, words.isel({name: sorted({here[name] for here in grid.places}) for name in where.panels}))
    varied = [f"{', '.join(others)} of each point vary, too"] if others else []
    figure.entitle(headline(data, held), measured(data), *varied, *grid.left_out)
    return figure


def _is_pair(data: xr.Dataset, axis: str) -> bool:
    return len(_numbers(data, axis)) >= 2


def _numbers(data: xr.Dataset, axis: str) -> list[str]:
    """The fields along an axis that have numbers; of a zip with words none, as its rows are named."""
    fields = fields_of(data, axis)
    numbers = [field for field in fields if np.issubdtype(data[field].dtype, np.number) and not is_flag(field)]
    return numbers if len(numbers) == len(fields) else []
