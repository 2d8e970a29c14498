"""The phase diagram of a grid with few cells, as of a refined study: cells are points at the values of its two axes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import is_numeric
from jaxcollapse.analysis.labels import long_heading
from jaxcollapse.analysis.looks import LOOKS
from jaxcollapse.analysis.plot.arrangement import Arrangement
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.plot.panels import PanelGrid
from jaxcollapse.analysis.plot.phase_boundary import PhaseBoundary
from jaxcollapse.analysis.plot.scale import Scale
from jaxcollapse.analysis.plot.scattered import MARKERS
from jaxcollapse.analysis.verdict import ABSENT, name_of

_HALF = 0.5
_PANEL, _SMALL = (6.4, 5.2), (3.8, 3.4)  # inches of the only panel, and of one of several
_POINTS = 72  # of typography, in an inch
_LARGEST, _SMALLEST = 42.0, 5.0  # squared points of a marker


def is_sparse(data: xr.Dataset, words: xr.DataArray, where: Arrangement) -> bool:
    """Whether a picture has two numeric axes, and fewer than half of its places have a cell.

    Args:
        data: the dataset that has the coordinates.
        words: the verdict of each cell, without the axes that are held; `ABSENT` where there is none.
        where: which axis goes where.
    """
    shown = [name for name in (where.roles["x"], where.roles["y"]) if name is not None]
    if len(shown) < len(where.roles) or not all(is_numeric(data, name) for name in shown):
        return False
    return bool((words != ABSENT).mean() < _HALF)


def sparse_diagram(
    data: xr.Dataset,
    words: xr.DataArray,
    values: xr.DataArray,
    where: Arrangement,
    grid: PanelGrid,
    edge: PhaseBoundary | None,
    paint: Callable[[np.ndarray], np.ndarray] | None,
) -> Picture:
    """A point for each cell, with the marker of its verdict.

    Args:
        data: the dataset, in order.
        words, values: verdict and value of each cell, without the axes that are held; `ABSENT` where there is none.
        where: which axis goes where.
        grid: the panels.
        edge: the boundary to be drawn, if any.
        paint: gives the colours of values; None for the colours of verdicts.
    """
    across, up = str(where.roles["x"]), str(where.roles["y"])
    size = _PANEL if len(grid.places) == 1 else _SMALL
    figure = Picture(2.4 + size[0] * grid.columns, 1.2 + size[1] * grid.rows)
    drawn = grid.drawn(figure)
    scales = {name: Scale.of_axis(data[name].values) for name in (across, up)}
    places = {name: scale.place(data[name].values.astype(float)) for name, scale in scales.items()}
    first, _ = drawn[0]
    for name, axis in ((across, first.xaxis), (up, first.yaxis)):
        scales[name].dress(axis)
    for number, (panel, here) in enumerate(drawn):
        word = words.isel(here).transpose(up, across).values
        area = _area(word, size)
        for code in np.unique(word[word != ABSENT]).tolist():
            rows, columns = np.nonzero(word == code)
            look = LOOKS[name_of(code)]
            colours: Any = look.colour
            if paint:
                colours = paint(values.isel(here).transpose(up, across).values[rows, columns])
            panel.scatter(
                places[across][columns],
                places[up][rows],
                s=area,
                c=colours,
                marker=MARKERS[look.marker],
                edgecolors="#5f6368",
                linewidths=0.03 * np.sqrt(area),
            )
        if edge:
            along, beside = (up, across) if edge.is_upright else (across, up)
            edge.draw_bars(panel, {**where.held, **here}, scales[along], scales[beside])
        if number >= len(drawn) - grid.columns:
            panel.tick_params(labelbottom=True)
            panel.set_xlabel(long_heading(data, across), parse_math=False)
        if number % grid.columns == 0:
            panel.set_ylabel(long_heading(data, up), parse_math=False)
    return figure


def _area(word: np.ndarray, size: tuple[float, float]) -> float:
    """The area of a marker, in squared points: so that cells next to each other do not hide each other."""
    rows, columns = word.shape
    step = _POINTS * min(size[0] / columns, size[1] / rows)
    return float(np.clip(step**2, _SMALLEST, _LARGEST))
