"""The boundary of a verdict in a phase diagram: a step for each row or column of cells, and a band of its bounds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from jaxcollapse.analysis.axis_order import is_numeric
from jaxcollapse.analysis.boundary import LOST, boundary
from jaxcollapse.analysis.crossing import is_logarithmic, position
from jaxcollapse.analysis.plot.figure import Picture
from jaxcollapse.analysis.plot.scale import Scale

_CONFIDENCE = 0.95
_INK, _HALO = "#000000", "#ffffff"
_BAND: dict[str, Any] = {"facecolor": "#ffffff4d", "linewidth": 0}
_UNDER_TEXT = 2.5  # the order of drawing: above cells, below what is written into them


class PhaseBoundary:
    """Where forgetting begins or ends along one axis of a phase diagram.

    Attributes:
        axis: the axis.
        is_upright: whether it runs upwards.

    Args:
        data: the dataset that is shown, in order.
        wanted: the axis of the boundary, or True for the vertical axis, else the horizontal one, if it has numbers.
        across, up: the axes of the picture.

    Raises:
        ValueError: there is no such axis in the picture, or it does not have numbers.
    """

    def __init__(self, data: xr.Dataset, wanted: str | bool, across: str | None, up: str | None):
        shown = [name for name in (up, across) if name]
        if isinstance(wanted, str):
            if wanted not in shown:
                raise ValueError(f"boundary = {wanted!r} is not an axis of the picture; choose from {', '.join(shown)}")
            self.axis = wanted
        else:
            numeric = [name for name in shown if is_numeric(data, name)]
            if not numeric:
                raise ValueError("boundary = True needs an axis of the picture that has numbers")
            self.axis = numeric[0]
        self.is_upright = self.axis == up
        self._other = across if self.is_upright else up
        self._x = data[self.axis].values.astype(float)
        self._found = boundary(data, self.axis, verdict=LOST, confidence=_CONFIDENCE)

    def draw(self, panel: Any, here: Mapping[str, int]) -> None:
        """Draws it into a panel of cells, whose centres are at whole numbers.

        Args:
            panel: the axes of matplotlib.
            here: the index of the panel along every axis that it does not show.
        """
        lines = self._found.isel({name: place for name, place in here.items() if name in self._found.dims})
        table = np.stack([lines[name].values.reshape(-1) for name in ("lower", "estimate", "upper")], axis=-1)
        is_log = is_logarithmic(self._x)
        for number, (lower, middle, upper) in enumerate(table.tolist()):
            low, centre, high = (position(self._x, each, is_log=is_log) for each in (lower, middle, upper))
            if low < high:
                corner, size = (number - 0.5, low), (1.0, high - low)
                panel.add_patch(Rectangle(self._turned(corner), *self._turned(size), zorder=_UNDER_TEXT, **_BAND))
                for bound in (low, high):
                    self._draw_step(panel, number, bound, _bound())
            if np.isfinite(centre):
                self._draw_step(panel, number, centre, _line())

    def draw_bars(self, panel: Any, here: Mapping[str, int], along: Scale, across: Scale) -> None:
        """Draws it into a panel with numeric axes: a mark for each line of cells, and a bar if both bounds are finite.

        Args:
            panel: the axes of matplotlib.
            here: the index of the panel along every axis that it does not show.
            along: the scale of the boundary's axis.
            across: the scale of the other axis.
        """
        lines = self._found.isel({name: place for name, place in here.items() if name in self._found.dims})
        lower, middle, upper = (lines[name].values.reshape(-1) for name in ("lower", "estimate", "upper"))
        at = across.place(lines[self._other].values.astype(float)) if self._other else np.zeros(middle.size)
        draw_bars, mark = (panel.vlines, "_") if self.is_upright else (panel.hlines, "|")
        sure = np.isfinite(lower) & np.isfinite(upper)  # others would cross the panel
        draw_bars(at[sure], along.place(lower[sure]), along.place(upper[sure]), zorder=_UNDER_TEXT, **_bound())
        marks = self._turned((at, along.place(middle)))
        panel.scatter(*marks, s=24, c=_INK, marker=mark, linewidths=2.0, zorder=_UNDER_TEXT)

    def _draw_step(self, panel: Any, number: int, place: float, look: dict[str, Any]) -> None:
        """Draws a line through one row or column of cells."""
        ends = self._turned((np.array([number - 0.47, number + 0.47]), np.array([place, place])))
        panel.plot(*ends, **look, zorder=_UNDER_TEXT, solid_capstyle="butt", dash_capstyle="butt")

    def explain(self, picture: Picture) -> None:
        """Adds the line and its band to the key of the picture."""
        handles = [
            Line2D([], [], label="half are forgetting\nor collapsed", **_line()),
            Line2D([], [], label=f"{_CONFIDENCE:.0%} bounds", **_bound()),
        ]
        picture.legend(handles=handles, loc="outside right lower", frameon=False)

    def _turned(self, pair: tuple[Any, Any]) -> tuple[Any, Any]:
        """Across and up, from along the other axis and along that of the boundary."""
        return pair if self.is_upright else (pair[1], pair[0])


def _bound() -> dict[str, Any]:
    halo = [withStroke(linewidth=2.4, foreground=_HALO)]
    return {"color": _INK, "linewidth": 1.0, "linestyle": (0, (3, 2)), "path_effects": halo}


def _line() -> dict[str, Any]:
    return {"color": _INK, "linewidth": 2.2, "path_effects": [withStroke(linewidth=4.2, foreground=_HALO)]}
