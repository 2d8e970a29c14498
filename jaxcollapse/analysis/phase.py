"""The phase diagram: what each cell became, over two axes, side by side for a third."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.verdict import TOLERANCE, VERDICTS, median, verdicts
from jaxcollapse.sweep.display import label

_MOST_PANELS = 6
_SMALLEST_GAP = 1e-3


def phase_diagram(data: xr.Dataset) -> Any:
    """A matplotlib figure: colour is the recovery gap, the word in each cell its verdict.

    The last axis runs along x, the first along y, the one before last over the panels; any other is held at its middle
    value, and the title says so.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    words, gap = verdicts(data), median(data.recovery_gap.isel(generation=-1))
    held = []
    varied = [str(name) for name in words.dims if words.sizes[name] > 1]
    for name in words.dims:
        if name not in (varied[:1] + varied[-2:]):
            place = words.sizes[name] // 2
            if words.sizes[name] > 1:
                held.append(f"{name} = {label(words[name].values[place].item())}")
            words, gap = words.isel({name: place}), gap.isel({name: place})
    across = varied[-1] if varied else None
    up = varied[0] if len(varied) > 1 else None
    over = varied[-2] if len(varied) > 2 else None
    panels = _spread(words.sizes[over]) if over else [None]

    figure = Figure(figsize=(1.2 + 3.6 * len(panels), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    highest = max(1.0, float(np.nanmax(np.where(np.isfinite(gap.values), gap.values, 0.0), initial=0.0)))
    norm = LogNorm(_SMALLEST_GAP, highest, clip=True)
    for axis, panel in zip(axes, panels, strict=True):
        here = {} if panel is None else {over: panel}
        _draw_panel(axis, words.isel(here), gap.isel(here), across, up, norm)
        if across:
            axis.set_xlabel(_name(data, across))
        if panel is not None:
            axis.set_title(f"{_name(data, over)} {_tick(words[over].values[panel].item())}", fontsize=10)
    if up:
        axes[0].set_ylabel(_name(data, up))
    bar = figure.colorbar(axes[0].images[0], ax=list(axes), pad=0.01)
    bar.set_label("recovery gap [nat]")
    bar.ax.axhline(TOLERANCE, color="white", linewidth=2)
    replicates = f"median of {data.sizes['replicate']} replicates after {int(data.generation[-1])} generations"
    figure.suptitle(", ".join([data.attrs.get("title", ""), *held]) + f"\n{replicates}", fontsize=11)
    return figure


def save_phase_diagram(data: xr.Dataset, path: Path) -> None:
    """Writes the phase diagram as a PNG."""
    phase_diagram(data).savefig(path, dpi=150)


def _draw_panel(
    axis: Any, words: xr.DataArray, gap: xr.DataArray, across: str | None, up: str | None, norm: Any
) -> None:
    order = [name for name in (up, across) if name]
    shape = (words.sizes[up] if up else 1, words.sizes[across] if across else 1)
    word, value = (array.transpose(*order).values.reshape(shape) for array in (words, gap))
    axis.imshow(
        np.maximum(np.where(np.isinf(value), norm.vmax, value), norm.vmin),
        norm=norm,
        cmap="cividis",
        origin="lower",
        aspect="auto",
    )
    for (row, column), verdict in np.ndenumerate(word):
        dark = not value[row, column] > np.sqrt(norm.vmin * norm.vmax)
        text = VERDICTS[verdict] if verdict >= 0 else "missing"
        axis.text(column, row, text, ha="center", va="center", fontsize=7, color="white" if dark else "black")
    for name, size, set_ticks in ((across, shape[1], axis.set_xticks), (up, shape[0], axis.set_yticks)):
        set_ticks(range(size), [_tick(entry) for entry in words[name].values.tolist()] if name else [""] * size)
    axis.tick_params(length=0)


def _spread(size: int) -> list[int]:
    """At most `_MOST_PANELS` indices, ends included."""
    return np.unique(np.linspace(0, size - 1, min(size, _MOST_PANELS)).round().astype(int)).tolist()


def _tick(value: Any) -> str:
    return "∞" if value == float("inf") else label(value)


def _name(data: xr.Dataset, name: Any) -> str:
    return str(data[name].attrs.get("long_name", name))
