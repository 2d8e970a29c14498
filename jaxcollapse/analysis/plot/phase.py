"""The phase diagram: what each cell became, over two axes, in panels for the values of the others."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize, to_rgba_array

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.labels import entries, long_heading, number, titled
from jaxcollapse.analysis.looks import FOREVER, LOOKS, UNKNOWN, letters
from jaxcollapse.analysis.plot.arrangement import Arrangement, arrange
from jaxcollapse.analysis.plot.figure import Picture, draw_key, headline, measured
from jaxcollapse.analysis.plot.panels import PanelGrid
from jaxcollapse.analysis.plot.phase_boundary import PhaseBoundary
from jaxcollapse.analysis.plot.scale import Scale
from jaxcollapse.analysis.plot.scattered import scatter_diagram, scattered_axis
from jaxcollapse.analysis.plot.sparse import is_sparse, sparse_diagram
from jaxcollapse.analysis.status import label_of, variable
from jaxcollapse.analysis.verdict import (
    TOLERANCE,
    comparable,
    final_median,
    median_gap,
    name_of,
    needed_by,
    verdicts,
    without_absent,
)

_GAPS = 1e-3  # nat: smaller ones are not told apart
MOST_PANELS, _PER_ROW = 24, 6
_PANEL, _NARROW, _LOW = (3.6, 3.4), 2.4, 1.6  # inches of a panel; the least where there are many columns, several rows
_WIDEST, _TALLEST = 15.0, 10.0  # inches of all panels
_WORD, _LINE, _LETTER = 0.68, 0.18, 0.1  # inches that a verdict, a line of text, and a letter of a tick label take
_NUMBER = 0.34  # inches that a word and a number take above each other
_WORDS, _LETTERS, _NOTHING = range(3)  # what is written into cells


def phase_diagram(
    data: xr.Dataset,
    x: str | None = None,
    y: str | None = None,
    panels: str | Sequence[str] | None = None,
    colour: str = "verdict",
    boundary: str | bool = False,
    **selection: Any,
) -> Picture:
    """A matplotlib figure: the word in each cell is its verdict, the number below is its recovery gap.

    If fewer than half of the places of two numeric axes have a cell, as in a refined study, cells are points at the
    values of the axes.

    Args:
        data: a dataset with the observables that verdicts need.
        x, y: the axes that run to the right and upwards, by default the longest ones, those with numbers first. Of
            a zip of many pairs of numbers, the two fields are the axes by default, and each pair is a point.
        panels: the axes whose values have panels of their own, by default all others as far as they have room.
            Of many values some are shown, evenly spread; the title says which.
        colour: what the colour of a cell shows, its "verdict" or the median of an observable, as "recovery_gap". The
            number in a cell is then that of the observable.
        boundary: True draws where forgetting begins along the vertical axis, or along the horizontal one if only that
            has numbers, with the bounds of `ds.collapse.boundary`; or the name of one of the two axes.
        selection: values at which other axes are held, by default the middle ones; the title says so.

    Raises:
        ValueError: an observable is missing, or there is no such axis or value.
    """
    data = in_order(data)
    words = without_absent(data, verdicts(data))
    values = median_gap(data) if colour == "verdict" else final_median(comparable(data), _checked(data, colour))
    is_plain = x is None and y is None and colour == "verdict" and not boundary
    if (points := scattered_axis(data)) and is_plain and points not in selection:
        return scatter_diagram(data, words, points, selection, panels, MOST_PANELS)
    where = arrange(data, words, {"x": x, "y": y}, selection, panels, MOST_PANELS)
    across, up = where.roles["x"], where.roles["y"]
    told_held = where.told(words)
    edge = PhaseBoundary(data, boundary, across, up) if boundary else None
    words, values = words.isel(where.held), values.isel(where.held)
    grid = PanelGrid.of(data, where.panels, MOST_PANELS, _PER_ROW)

    is_gap = colour == "verdict" or colour in needed_by(data)[:2]
    values = values.clip(min=_GAPS) if is_gap else values
    scale = None if colour == "verdict" else Scale.of(values.values)
    what = titled(*label_of(variable(data, needed_by(data)[1] if colour == "verdict" else colour)))
    if is_sparse(data, words, where):
        paint = None if scale is None else partial(_painted, scale=scale)
        figure, writing, has_numbers = sparse_diagram(data, words, values, where, grid, edge, paint), _NOTHING, False
    else:
        figure, writing, has_numbers = _draw_grid(_Shown(data, words, values, where, grid, edge, scale))

    if scale is None:
        draw_key(figure, words.isel({name: sorted({here[name] for here in grid.places}) for name in where.panels}))
    else:
        _draw_scale(figure, scale, what, is_gap=is_gap)
    if edge:
        edge.explain(figure)
    numbers = f"; number: {what}" if has_numbers else ""
    lines = [headline(data, told_held), f"{measured(data)}{numbers}", *grid.left_out]
    figure.entitle(*lines, *([letters()] if writing == _LETTERS else []))
    return figure


class _Shown(NamedTuple):
    """What a phase diagram shows: cells with their verdicts and values, in which panels, with which boundary."""

    data: xr.Dataset
    words: xr.DataArray
    values: xr.DataArray
    where: Arrangement
    grid: PanelGrid
    edge: PhaseBoundary | None
    scale: Scale | None


def _draw_grid(shown: _Shown) -> tuple[Picture, int, bool]:
    """A row and a column for each value of two axes; with what is written into cells, and whether numbers are."""
    data, words, values, where, grid, edge, scale = shown
    across, up = where.roles["x"], where.roles["y"]
    columns, rows = (words.sizes[name] if name else 1 for name in (across, up))
    width, height = _size(grid, columns, rows)
    beside = _LETTER * max(map(len, entries(data, up))) if up else 0
    tall = 1.3 + (height + _LINE * grid.lines) * grid.rows
    figure = Picture(1.2 + beside + width * grid.columns, tall)
    drawn = grid.drawn(figure)
    room = (width / columns, height / rows)
    writing = _writing(room)
    for axis, here in drawn:
        order = [name for name in (up, across) if name]
        word, value = (a.isel(here).transpose(*order).values.reshape(rows, columns) for a in (words, values))
        _draw_cells(axis, word, value, scale, writing, room)
        if edge:
            edge.draw(axis, {**where.held, **here})
        axis.set_xticks(*_ticks(data, across, room[0], upright=False), parse_math=False)
    for place, (axis, _) in enumerate(drawn):
        if across and place >= len(drawn) - grid.columns:
            axis.tick_params(labelbottom=True)
            axis.set_xlabel(long_heading(data, across))
        if up and place % grid.columns == 0:
            axis.set_ylabel(long_heading(data, up))
    drawn[0][0].set_yticks(*_ticks(data, up, room[1], upright=True), parse_math=False)
    return figure, writing, _has_numbers(writing, room)


def save_phase_diagram(data: xr.Dataset, path: Path) -> None:
    """Writes the phase diagram as a PNG."""
    phase_diagram(data).savefig(path, dpi=150, format="png")


def _checked(data: xr.Dataset, name: str) -> str:
    """The name of an observable that has one value in each cell.

    Raises:
        ValueError: the dataset has no such observable.
    """
    values = variable(data, name)
    if set(values.dims) != {*data.status.dims, "generation"}:
        raise ValueError(f"colour = {name!r} does not have one value for each cell and generation")
    return name


def _writing(room: tuple[float, float]) -> int:
    """What is written into cells of this width and height in inches."""
    if room[0] < 2 * _LETTER or room[1] < 0.75 * _LINE:
        return _NOTHING
    return _WORDS if room[0] >= _WORD else _LETTERS


def _has_numbers(writing: int, room: tuple[float, float]) -> bool:
    """Whether a number has room below the word."""
    return writing == _WORDS and room[1] >= _NUMBER


def _size(grid: PanelGrid, columns: int, rows: int) -> tuple[float, float]:
    """Width and height in inches of a panel with so many columns and rows of cells."""
    narrowest = _PANEL[0] if grid.columns <= _PER_ROW else _NARROW
    lowest = _PANEL[1] if grid.rows == 1 else _LOW
    width = np.clip(_WORD * columns, narrowest, max(narrowest, _WIDEST / grid.columns))
    height = np.clip(2 * _LINE * rows, lowest, max(lowest, _TALLEST / grid.rows))
    return float(width), float(height)


def _shades(scale: Scale) -> ScalarMappable:
    """The colours of an observable, with those of ∞ and of no value."""
    norm = (LogNorm if scale.is_log else Normalize)(scale.low, scale.high)
    colours = colormaps["cividis"].with_extremes(over=FOREVER, bad=UNKNOWN)
    return ScalarMappable(norm, colours)


def _painted(value: np.ndarray, scale: Scale) -> np.ndarray:
    """The colours of values of an observable."""
    placed = np.where(np.isposinf(value), 2 * abs(scale.high), np.maximum(value, scale.low))
    return np.asarray(_shades(scale).to_rgba(np.ma.masked_invalid(placed)))


def _draw_cells(
    axis: Any,
    word: np.ndarray,
    value: np.ndarray,
    scale: Scale | None,
    writing: int,
    room: tuple[float, float],
) -> None:
    """One panel: a colour for each cell, and what it became."""
    rows, columns = word.shape
    looks = {code: LOOKS[name_of(code)] for code in np.unique(word).tolist()}
    if scale is None:
        colours = np.array([[looks[code].colour for code in row] for row in word.tolist()])
        inks = np.array([[looks[code].ink for code in row] for row in word.tolist()])
    else:
        rgba = _painted(value, scale)
        colours, inks = rgba, np.where(rgba[..., :3] @ [0.2126, 0.7152, 0.0722] > 0.42, "#000000", "#ffffff")
    edges = [np.arange(size + 1) - 0.5 for size in (columns, rows)]
    painted = to_rgba_array(colours.reshape(rows * columns, *colours.shape[2:])).reshape(rows, columns, 4)
    axis.pcolormesh(*edges, painted, edgecolors="white", linewidth=0.6)
    axis.tick_params(length=0)
    if writing == _NOTHING:
        return
    has_number = _has_numbers(writing, room)
    for (row, column), code in np.ndenumerate(word):
        text = name_of(int(code)) if writing == _WORDS else LOOKS[name_of(int(code))].letter
        if has_number and code >= 0:
            text += f"\n{_told(float(value[row, column]))}"
        axis.text(column, row, text, ha="center", va="center", fontsize=7, color=inks[row, column], parse_math=False)


def _told(value: float) -> str:
    return f"≤ {number(_GAPS)}" if value == _GAPS else number(value, 2)


def _draw_scale(figure: Picture, scale: Scale, title: str, *, is_gap: bool) -> None:
    """The colour bar; of a gap with the tolerance marked."""
    bar = figure.colorbar(
        _shades(scale), ax=figure.axes, pad=0.01, extend="neither" if scale.infinity is None else "max"
    )
    ticks = [(tick, label) for tick, label in zip(*scale.ticks(), strict=True) if scale.low <= tick <= scale.high]
    bar.set_ticks([tick for tick, _ in ticks], labels=[label for _, label in ticks], minor=False)
    bar.minorticks_off()
    bar.set_label(title if scale.infinity is None else f"{title}, ∞ at the tip", parse_math=False)
    if is_gap:
        bar.ax.axhline(TOLERANCE, color="white", linewidth=2)


def _ticks(data: xr.Dataset, name: str | None, room: float, *, upright: bool) -> tuple[list[int], list[str]]:
    """Places and labels of ticks along an axis: as many as have room at so many inches for each value."""
    if name is None:
        return [], []
    labels = entries(data, name)
    needed = _LINE if upright else _LETTER * (max(map(len, labels)) + 1)
    step = int(np.ceil(needed / room - 1e-9))
    places = list(range(0, len(labels), step))
    return places, [labels[place] for place in places]
