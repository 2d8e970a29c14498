"""Lines and markers that colour-blind readers can distinguish, and that differ in grey, too."""

from typing import Any

import numpy as np
import xarray as xr

# Okabe and Ito's colours, darkest first where they are next to each other.
_COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MOST = len(_COLOURS)  # entries of a legend


def styles(data: xr.Dataset, axis: str | None, places: list[int]) -> list[dict[str, Any]]:
    """A colour, a line and a marker for each of these places of an axis: shades where it is ordered, else hues."""
    from matplotlib import colormaps

    colours: list[Any] = list(_COLOURS)
    if axis and np.issubdtype(data[axis].dtype, np.number) and len(places) > 2:
        # The lightest shades of cividis are not seen on white.
        colours = [colormaps["cividis"](shade) for shade in np.linspace(0, 0.85, len(places))]
    return [
        {"color": colours[each], "linestyle": _LINES[each], "marker": _MARKERS[each]} for each in range(len(places))
    ]
