"""Curves against one horizontal axis after another, with their spread: do they fall on one another?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.curves import Abscissa, Curves, label_of_abscissa
from jaxcollapse.analysis.labels import left_out, spread, titled
from jaxcollapse.analysis.mean import mean_interval
from jaxcollapse.analysis.plot.figure import Picture, headline
from jaxcollapse.analysis.plot.scale import Scale
from jaxcollapse.analysis.plot.style import MOST, styles
from jaxcollapse.analysis.proportion import proportion_interval
from jaxcollapse.analysis.scaling import scaling
from jaxcollapse.analysis.status import label_of, variable
from jaxcollapse.observables.registry import YES_OR_NO

_PANEL, _BESIDE = (3.6, 3.3), 2.2  # inches of a panel, and of what stands beside them


def collapse_of_curves(
    data: xr.Dataset,
    name: str,
    *abscissas: Abscissa,
    curves: Sequence[str],
    generation: int | None = None,
    confidence: float = 0.95,
) -> Picture:
    """A panel for each horizontal axis: means with intervals, a line for each curve, and how far apart curves are.

    Args:
        data: any part of a result.
        name: an observable.
        abscissas: coordinates, or functions of coordinates; see `scaling.scaling`.
        curves: the coordinates whose values distinguish the curves.
        generation: a recorded one at which other axes are used than those of `generation`, by default the last.
        confidence: of the intervals, between 0 and 1.

    Raises:
        ValueError: what `scaling.scaling` refuses.
    """
    data = in_order(data)
    told = scaling(data, name, *abscissas, curves=curves, generation=generation, confidence=confidence)
    picture = Picture(_BESIDE + _PANEL[0] * len(abscissas), 0.9 + _PANEL[1])
    panels = picture.subplots(1, len(abscissas), sharey=True, squeeze=False)[0]
    tells = curves[0] if len(curves) == 1 else None
    drawn = [Curves.of(data, name, abscissa, curves, generation) for abscissa in abscissas]
    means = [_means(found, confidence, is_share=name in YES_OR_NO) for found in drawn]
    shown = spread(len(drawn[0].names), MOST)
    up = Scale.of(
        np.concatenate([mean[np.isin(found.curve, shown)].ravel() for found, mean in zip(drawn, means, strict=True)])
    )
    for number, (panel, abscissa) in enumerate(zip(panels, abscissas, strict=True)):
        looks = dict(zip(shown, styles(data, tells, shown), strict=True))
        _draw(panel, drawn[number], up.place(means[number]), looks)
        panel.set_xlabel(label_of_abscissa(data, abscissa), parse_math=False)
        panel.set_title(_numbers(told.isel(abscissa=number)), fontsize=9, parse_math=False)
    long_name, units = label_of(variable(data, name))
    up.dress(panels[0].yaxis)
    what = f"share whose {long_name}" if name in YES_OR_NO else f"mean {long_name}"
    panels[0].set_ylabel(titled(what, units), parse_math=False)
    handles, texts = panels[0].get_legend_handles_labels()
    title = "\n".join(str(data[field].attrs.get("long_name", field)) for field in curves)
    box = picture.legend(handles, texts, title=title, loc="outside right center", frameon=False)
    for text in (*box.get_texts(), box.get_title()):
        text.set_parse_math(False)
    note = f"points: {confidence:.0%} intervals; spread: root mean square, noise subtracted"
    names = drawn[0].names
    picture.entitle(headline(data, {}), note, *left_out(shown, names, title.replace("\n", ", ")))
    return picture


def _means(found: Curves, confidence: float, *, is_share: bool) -> np.ndarray:
    """Estimate, low and high at each point: [point, 3]."""
    rows = [found.samples[cell][time] for cell, time in zip(found.cell, found.time, strict=True)]
    if is_share:
        return proportion_interval(
            np.array([row.sum() for row in rows]), np.array([row.size for row in rows]), confidence
        )
    table = np.full((len(rows), max((row.size for row in rows), default=0)), np.nan)
    for place, row in zip(table, rows, strict=True):
        place[: row.size] = row
    return mean_interval(table, confidence, found.least, found.most)


def _draw(panel: Any, found: Curves, heights: np.ndarray, looks: dict[int, dict[str, Any]]) -> None:
    """Draws the curves that have a look into a panel: points, and the ends of their intervals, at these heights."""
    drawn = np.isin(found.curve, list(looks))
    across = Scale.of(found.x[drawn])
    for place, look in looks.items():
        own = np.flatnonzero(found.curve == place)
        own = own[np.argsort(found.x[own])]
        estimate, low, high = heights[own].T
        reach = np.abs(np.stack([estimate - low, high - estimate]))
        reach = np.where(np.isfinite(reach), reach, 0.0)
        x = across.place(found.x[own])
        panel.errorbar(x, estimate, reach, **look, markersize=4, linewidth=1.2, capsize=2, label=found.names[place])
    across.dress(panel.xaxis)


def _numbers(told: xr.Dataset) -> str:
    """The spread with its bounds, and what noise alone would make."""
    estimate, low, high = told.spread.values
    if np.isnan(estimate):
        return "no curves overlap"
    bounds = "" if np.isnan(low) else f" ({low:.2g} to {high:.2g}), noise {float(told.noise):.2g}"
    return f"spread {estimate:.2g}{bounds}"
