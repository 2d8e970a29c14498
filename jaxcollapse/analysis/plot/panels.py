"""Panels side by side for the values of one axis; within each, another axis has colours, lines and markers."""

from dataclasses import dataclass
from typing import Any

import xarray as xr

from jaxcollapse.analysis.labels import entries, long_heading, partly, spread
from jaxcollapse.analysis.plot.arrangement import Arrangement
from jaxcollapse.analysis.plot.figure import Picture, headline
from jaxcollapse.analysis.plot.style import MOST, styles

MOST_PANELS = 6
_PANEL = (3.3, 3.2)  # inches
_LETTER, _KEY = 0.085, 0.5  # inches that a letter of the legend takes, and the line before it


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
        left_out: texts that say what is not drawn.
    """

    data: xr.Dataset
    picture: Picture
    panels: list[tuple[Any, dict[str, int]]]
    hues: list[Hue]
    hue: str | None
    left_out: list[str]

    @classmethod
    def of(cls, data: xr.Dataset, where: Arrangement) -> "Panels":
        """Empty panels for an arrangement with the roles "hue" and "panels"."""
        hue, over = where.roles["hue"], where.roles["panels"]
        names = entries(data, hue) if hue else [""]
        places = spread(len(names), MOST)
        looks = styles(data, hue, places)
        hues = [Hue({hue: place} if hue else {}, look, names[place]) for place, look in zip(places, looks, strict=True)]
        titles = entries(data, over) if over else [""]
        shown = spread(len(titles), MOST_PANELS)
        letters = max(len(long_heading(data, hue)), *(len(each.text) for each in hues), 0) if hue else 0
        beside = _KEY + _LETTER * letters if hue else 0.0
        picture = Picture(max(1.0 + beside + _PANEL[0] * len(shown), 5.0), 0.9 + _PANEL[1])
        axes = picture.subplots(1, len(shown), sharex=True, sharey=True, squeeze=False)[0]
        panels = []
        for axis, place in zip(axes, shown, strict=True):
            if over:
                axis.set_title(f"{long_heading(data, over)} {titles[place]}", fontsize=10, parse_math=False)
            panels.append((axis, {over: place} if over else {}))
        left_out = partly(len(places), len(names), long_heading(data, hue)) if hue else []
        left_out += partly(len(shown), len(titles), long_heading(data, over)) if over else []
        return cls(data, picture, panels, hues, hue, left_out)

    def shown(self, values: xr.DataArray) -> xr.DataArray:
        """The values at what is drawn."""
        cells = [{**cell, **hue.cell} for _, cell in self.panels for hue in self.hues]
        places = {name: sorted({cell[name] for cell in cells}) for name in cells[0]}
        return values.isel(places)

    def finish(self, held: dict[str, int], note: str) -> Picture:
        """The picture with its legend and its title: where axes are held, what is drawn, and what is not."""
        first, _ = self.panels[0]
        handles, texts = first.get_legend_handles_labels()
        if handles:
            title = long_heading(self.data, self.hue) if self.hue else None
            box = self.picture.legend(handles, texts, title=title, loc="outside right center", frameon=False)
            for text in box.get_texts():
                text.set_parse_math(False)
        self.picture.entitle(headline(self.data, held), note, *self.left_out)
        return self.picture
