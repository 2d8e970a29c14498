"""The phase diagram: what each cell became, over two axes, side by side for a third."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.colors import LogNorm

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.labels import entries, long_heading, partly, spread
from jaxcollapse.analysis.plot.arrangement import arrange
from jaxcollapse.analysis.plot.figure import Picture, headline
from jaxcollapse.analysis.plot.panels import MOST_PANELS
from jaxcollapse.analysis.status import last_generation
from jaxcollapse.analysis.verdict import TOLERANCE, VERDICTS, median_gap, name_of, verdicts

_SMALLEST_GAP = 1e-3
_FOREVER, _MISSING = "#d55e00", "#dddddd"  # colours of an infinite gap, and of none
_INITIALS = ("u", "c", "h", "f", "×")  # of `VERDICTS`, where words find no room
_PANEL, _WIDEST, _TALLEST = (3.6, 3.4), 15.0, 10.0  # inches
_WORD, _LINE, _LETTER = 0.62, 0.18, 0.1  # inches that a verdict, a line of text, and a letter of a tick label take


def phase_diagram(
    data: xr.Dataset, x: str | None = None, y: str | None = None, panels: str | None = None, **selection: Any
) -> Picture:
    """A matplotlib figure: colour is the recovery gap, the word in each cell its verdict.

    Args:
        data: a dataset with the observables that verdicts need.
        x, y: the axes that run to the right and upwards, by default the longest one with numbers that is left, and the
            longest of the others.
        panels: the axis whose values are shown side by side, by default the last one that is left then. Of many values
            some are shown, evenly spread; the title says so.
        selection: values at which other axes are held, by default the middle ones; the title says so.

    Raises:
        ValueError: an observable is missing, or there is no such axis or value.
    """
    data = in_order(data)
    words, gap = verdicts(data), median_gap(data)
    wanted, defaults = {"x": x, "y": y, "panels": panels}, {"x": -1, "y": 0, "panels": -1}
    where = arrange(data, words, wanted, defaults, selection)
    across, up, over = (where.roles[role] for role in wanted)
    told_held = where.told(words)
    words, gap = words.isel(where.held), gap.isel(where.held)
    shown = spread(words.sizes[over], MOST_PANELS) if over else [None]

    columns, rows = (words.sizes[name] if name else 1 for name in (across, up))
    width = np.clip(_WORD * columns, _PANEL[0], max(_PANEL[0], _WIDEST / len(shown)))
    height = np.clip(_LINE * rows, _PANEL[1], _TALLEST)
    beside = _LETTER * max(map(len, entries(data, up))) if up else 0
    figure = Picture(1.2 + beside + width * len(shown), 0.9 + height)
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    highest = max(1.0, float(np.nanmax(np.where(np.isfinite(gap.values), gap.values, 0.0), initial=0.0)))
    colours = colormaps["cividis"].with_extremes(over=_FOREVER, bad=_MISSING)
    scale = {"norm": LogNorm(_SMALLEST_GAP, highest), "cmap": colours}
    room = (width / columns, height / rows)
    told = _names(room)
    for axis, panel in zip(axes, shown, strict=True):
        order = [name for name in (up, across) if name]
        here = {} if panel is None else {over: panel}
        word, value = (a.isel(here).transpose(*order).values.reshape(rows, columns) for a in (words, gap))
        mesh = _draw_cells(axis, word, value, scale, told)
        axis.set_xticks(*_ticks(data, across, room[0], upright=False), parse_math=False)
        if across:
            axis.set_xlabel(long_heading(data, across))
        if over and panel is not None:
            axis.set_title(f"{long_heading(data, over)} {entries(data, over)[panel]}", fontsize=10, parse_math=False)
    axes[0].set_yticks(*_ticks(data, up, room[1], upright=True), parse_math=False)
    if up:
        axes[0].set_ylabel(long_heading(data, up))

    _draw_scale(figure, axes, mesh, is_lost=bool(np.isinf(gap).any()))
    lines = [headline(data, told_held), _measured(data)]
    lines += partly(len(shown), words.sizes[over], long_heading(data, over)) if over else []
    if told is _INITIALS:
        lines.append(", ".join(f"{initial} {verdict}" for initial, verdict in zip(_INITIALS, VERDICTS, strict=True)))
    figure.entitle(*lines)
    return figure


def save_phase_diagram(data: xr.Dataset, path: Path) -> None:
    """Writes the phase diagram as a PNG."""
    phase_diagram(data).savefig(path, dpi=150, format="png")


def _names(room: tuple[float, float]) -> tuple[str, ...] | None:
    """What to call the verdicts in cells of this width and height in inches; None where there is no room."""
    if room[0] < 2 * _LETTER or room[1] < 0.75 * _LINE:
        return None
    return VERDICTS if room[0] >= _WORD else _INITIALS


def _draw_cells(
    axis: Any, word: np.ndarray, value: np.ndarray, scale: dict[str, Any], told: tuple[str, ...] | None
) -> Any:
    """One panel: a colour for each cell, and what its verdict is called."""
    norm = scale["norm"]
    shown = np.ma.masked_invalid(np.where(np.isinf(value), 2 * norm.vmax, np.maximum(value, norm.vmin)))
    edges = [np.arange(size + 1) - 0.5 for size in reversed(word.shape)]
    mesh = axis.pcolormesh(*edges, shown, **scale, edgecolors="white", linewidth=0.4)
    axis.tick_params(length=0)
    if told is None:
        return mesh
    dark = value <= np.sqrt(norm.vmin * norm.vmax)
    for (row, column), verdict in np.ndenumerate(word):
        text = told[verdict] if verdict >= 0 else name_of(int(verdict)) if told is VERDICTS else ""
        colour = "white" if dark[row, column] else "black"
        axis.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    return mesh


def _draw_scale(figure: Any, axes: Any, mesh: Any, *, is_lost: bool) -> None:
    """The colour bar, with the tolerance marked."""
    bar = figure.colorbar(mesh, ax=list(axes), pad=0.01, extend="max" if is_lost else "neither")
    bar.set_label("recovery gap [nat]" + (", ∞ at the tip" if is_lost else ""))
    bar.ax.axhline(TOLERANCE, color="white", linewidth=2)


def _measured(data: xr.Dataset) -> str:
    """A line of text: over how many replicates the cells' medians are, and after how many generations."""
    number = data.sizes["replicate"]
    replicates = f"median of {number} replicates" if number > 1 else "one replicate"
    return f"{replicates} after {last_generation(data)} generations"


def _ticks(data: xr.Dataset, name: str | None, room: float, *, upright: bool) -> tuple[list[int], list[str]]:
    """Places and labels of ticks along an axis: as many as have room at so many inches for each value."""
    if name is None:
        return [], []
    labels = entries(data, name)
    needed = _LINE if upright else _LETTER * (max(map(len, labels)) + 1)
    step = int(np.ceil(needed / room - 1e-9))
    places = list(range(0, len(labels), step))
    return places, [labels[place] for place in places]
