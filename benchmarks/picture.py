"""How the pictures look: colours that the colour-blind can tell apart (Okabe, Ito 2008), and a marker with each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class Look(NamedTuple):
    """As matplotlib names it."""

    color: str
    marker: str


def looks(names: Iterable[str]) -> dict[str, Look]:
    """A colour and a marker for each name, in order."""
    return dict(zip(names, map(Look, _COLOURS, _MARKERS), strict=False))


def blank(panels: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side, with light grids."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = [figure.add_subplot(1, panels, panel + 1) for panel in range(panels)]
    for ax in axes:
        ax.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def multiples(labels: Sequence[str], times: Sequence[Mapping[str, float | None]], reference: str) -> Figure:
    """Times of each contender as multiples of the reference's, one line of points per label."""
    figure, (ax,) = blank(1, width=8, height=1.6 + 0.36 * len(labels))
    for name, look in looks(times[0]).items():
        found = [(_ratio(taken[name], taken[reference]), line) for line, taken in enumerate(times)]
        shown = [(ratio, line) for ratio, line in found if ratio is not None]
        if shown:
            ax.plot(*zip(*shown, strict=True), label=name, linestyle="", markersize=7, **look._asdict())
    ax.set_xscale("log")
    ax.set_yticks(range(len(labels)), labels)
    ax.invert_yaxis()
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_xlabel(f"time of a trajectory-step, as a multiple of {reference}'s (left of 1: faster)")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def _ratio(time: float | None, reference: float | None) -> float | None:
    return time / reference if time is not None and reference is not None else None
