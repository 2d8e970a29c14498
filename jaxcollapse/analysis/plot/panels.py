"""Panels for the values of some axes; within each, another axis has colours, lines and markers."""

import math
import textwrap
from dataclasses import dataclass
from itertools import product
from typing import Any

import xarray as xr

from jaxcollapse.analysis.labels import entries, left_out, long_heading, spread
from jaxcollapse.analysis.plot.arrangement import Arrangement
from jaxcollapse.analysis.plot.figure import Picture, headline
from jaxcollapse.analysis.plot.style import MOST, styles

MOST_PANELS = 12
_PER_ROW, _MOST_IN_ROW = 4, 8  # panels in a row, and where another axis has the rows
_PANEL, _LOWER = (3.3, 3.2), 2.6  # inches of a panel, and its height where there are several rows
_TITLE = 40  # letters of the title of a panel
_LINE = 0.2  # inches of a line of a title
_LETTER, _KEY = 0.085, 0.5  # inches that a letter of the legend takes, and the line before it


@dataclass(frozen=True)
class PanelGrid:
    """Which values have panels, and where the panels are.

    Attributes:
        places: the indices of each panel along the axes of panels.
        titles: the title of each panel.
        columns: number of panels in a row.
        left_out: texts that say which values have no panel.
    """

    places: list[dict[str, int]]
    titles: list[str]
    columns: int
    left_out: list[str]

    @classmethod
    def of(cls, data: xr.Dataset, axes: tuple[str, ...], most: int, per_row: int) -> "PanelGrid":
        """The panels of all combinations of values; of a single axis with more than `most` values, some are shown."""
        names = {axis: entries(data, axis) for axis in axes}
        shown = {axis: spread(len(names[axis]), most) for axis in axes[:1]}
        shown |= {axis: spread(len(names[axis]), max(1, most // len(shown[axes[0]]))) for axis in axes[1:]}
        places = [dict(zip(axes, places, strict=True)) for places in product(*shown.values())]
        titles = [
            "\n".join(
                line
                for axis, place in each.items()
                for line in textwrap.wrap(f"{long_heading(data, axis)} {names[axis][place]}", _TITLE)
            )
            for each in places
        ]
        last = len(shown[axes[-1]]) if len(axes) > 1 else len(places)
        is_table = len(axes) > 1 and last <= _MOST_IN_ROW
        columns = last if is_table or last <= per_row else math.ceil(len(places) / math.ceil(len(places) / per_row))
        without = [text for axis in axes for text in left_out(shown[axis], names[axis], long_heading(data, axis))]
        return cls(places, titles, columns, without)

    @property
    def rows(self) -> int:
        """Number of rows of panels."""
        return math.ceil(len(self.places) / self.columns)

    @property
    def lines(self) -> int:
        """Number of lines of the longest title."""
        return max(title.count("\n") + 1 for title in self.titles)

    def drawn(self, picture: Picture) -> list[tuple[Any, dict[str, int]]]:
        """Empty panels with their titles, each with its indices; they share their axes."""
        grid = picture.subplots(self.rows, self.columns, sharex=True, sharey=True, squeeze=False)
        for axis in grid.ravel()[len(self.places) :]:
            axis.remove()
        panels = list(zip(grid.ravel(), self.places, strict=False))
        for (axis, _), title in zip(panels, self.titles, strict=True):
            axis.set_title(title, fontsize=10, parse_math=False)
        return panels


@dataclass(frozen=True)
class Hue:
    """Lines and points that are drawn in the same colour.

    Attributes:
        cell: their index along the axis of colours.
        look: how they are drawn, as arguments of Matplotlib.
        text: their text in the legend.
    """

    cell: dict[str, int]
    look: dict[str, Any]
    text: str


@dataclass(frozen=True)
class Panels:
    """A picture to be filled.

    Attributes:
        data: the dataset that is shown.
        picture: the figure and its axes.
        panels: the axes of each panel, with the panel's index along the axis of panels.
        hues: the colours in each panel.
        hue: the axis of colours; None if there is none.
        columns: number of panels in a row.
        left_out: texts that say what is not drawn.
    """

    data: xr.Dataset
    picture: Picture
    panels: list[tuple[Any, dict[str, int]]]
    hues: list[Hue]
    hue: str | None
    columns: int
    left_out: list[str]

    @classmethod
    def of(cls, data: xr.Dataset, where: Arrangement) -> "Panels":
        """Empty panels for an arrangement with the roles "hue" and "panels"."""
        hue = where.roles["hue"]
        names = entries(data, hue) if hue else [""]
        places = spread(len(names), MOST)
        looks = styles(data, hue, places)
        hues = [Hue({hue: place} if hue else {}, look, names[place]) for place, look in zip(places, looks, strict=True)]
        grid = PanelGrid.of(data, where.panels, MOST_PANELS, _PER_ROW)
        letters = max(len(long_heading(data, hue)), *(len(each.text) for each in hues), 0) if hue else 0
        beside = _KEY + _LETTER * letters if hue else 0.0
        height = _PANEL[1] if grid.rows == 1 else _LOWER + _LINE * grid.lines
        picture = Picture(max(1.0 + beside + _PANEL[0] * grid.columns, 5.0), 0.9 + height * grid.rows)
        panels = grid.drawn(picture)
        without = left_out(places, names, long_heading(data, hue)) if hue else []
        return cls(data, picture, panels, hues, hue, grid.columns, [*without, *grid.left_out])

    def shown(self, values: xr.DataArray) -> xr.DataArray:
        """The values at what is drawn."""
        cells = [{**cell, **hue.cell} for _, cell in self.panels for hue in self.hues]
        places = {name: sorted({cell[name] for cell in cells}) for name in cells[0]}
        return values.isel(places)

    def finish(self, held: dict[str, int], note: str) -> Picture:
        """The picture with its legend and its title: where axes are held, what is drawn, and what is not."""
        first, _ = self.panels[0]
        lowest = self.panels[-self.columns :]
        for axis, _ in self.panels[: -self.columns]:
            axis.set_xlabel("")
        for axis, _ in lowest:
            axis.tick_params(labelbottom=True)
        if len(self.panels) > self.columns:
            self.picture.supylabel(first.get_ylabel(), fontsize=10, parse_math=False)
            first.set_ylabel("")
        handles, texts = first.get_legend_handles_labels()
        if handles:
            title = long_heading(self.data, self.hue) if self.hue else None
            box = self.picture.legend(handles, texts, title=title, loc="outside right center", frameon=False)
            for text in box.get_texts():
                text.set_parse_math(False)
        self.picture.entitle(headline(self.data, held), note, *self.left_out)
        return self.picture
