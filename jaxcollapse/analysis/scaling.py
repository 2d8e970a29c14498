"""Whether curves of different cells fall on one another when they are drawn against a control parameter, as a number.

Each point of a curve is compared with every other curve that runs next to it: with the straight line between the two
points of the other one that are next to it. The root of the mean squared difference is the spread (Bhattacharjee and
Seno, J. Phys. A 34, 6375, 2001, with q = 2). Sampling noise keeps curves apart, too. Differences are linear in means
over trajectories, so that its share of the mean square is known, and is taken off. The mean square that is observed,
divided by that of noise, is the quality, 1 where there is noise alone; so with Houdayer and Hartmann (Phys. Rev. B 70,
014418, 2004), but for a ratio of means in place of a mean of ratios, since there are points without any noise.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.curves import Abscissa, Curves, label_of_abscissa
from jaxcollapse.analysis.status import label_of, variable
from jaxcollapse.analysis.summary import BOUNDS, check_confidence

if TYPE_CHECKING:
    from scipy.sparse import csr_array

RESAMPLES = 1000
_NOTHING: dict[str, Any] = {"spread": np.full(3, np.nan), "noise": np.nan, "quality": np.nan}


def scaling(
    data: xr.Dataset,
    name: str,
    *abscissas: Abscissa,
    curves: Sequence[str],
    generation: int | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """How far apart curves are along each of several horizontal axes.

    Along a dimension `abscissa`: `spread`, a root mean square with sampling noise taken off, and its bounds; `noise`,
    the root mean square that noise alone would make; `quality`, the mean square that is observed, divided by that of
    noise; `comparisons`, how many differences there are. With a single trajectory in a cell noise is not known, and
    the spread is what is observed. Where no curve runs next to another one, all are NaN.

    Bounds come of a test that is inverted: they hold the spreads that give what is observed, neither too rarely more
    nor too rarely less, when noise is added as it is among resamples of each cell's trajectories. So cells must not
    share random numbers. Where all trajectories of a cell agree, a bootstrap finds no noise.

    Args:
        data: any part of a result.
        name: an observable, whose means over trajectories are compared.
        abscissas: coordinates, or functions whose arguments have the names of coordinates, as those of
            `jaxcollapse.theory` do. With `generation` among them, curves run over the recorded generations.
        curves: the coordinates whose values distinguish the curves.
        generation: a recorded one at which other axes are used, by default the last.
        confidence: of the bounds, between 0 and 1.

    Raises:
        ValueError: an unknown name, two points of a curve with the same x, or a confidence that is not between 0 and 1.
    """
    check_confidence(confidence)
    if not abscissas:
        raise ValueError("give a horizontal axis: a coordinate, or a function of coordinates")
    told = [_spread(Curves.of(data, name, each, curves, generation), confidence) for each in abscissas]
    long_name, units = label_of(variable(data, name))
    labels = {
        "spread": (f"spread of curves of the {long_name}", units),
        "noise": (f"spread of curves of the {long_name} expected from sampling noise", units),
        "quality": ("mean squared difference between curves, divided by that expected from sampling noise", "1"),
        "comparisons": ("number of points compared with another curve", "1"),
    }
    made = {
        key: (
            ("abscissa", "bound") if key == "spread" else "abscissa",
            np.stack([each[key] for each in told]),
            {"long_name": text, "units": unit},
        )
        for key, (text, unit) in labels.items()
    }
    names = [label_of_abscissa(data, each) for each in abscissas]
    return xr.Dataset(
        made, {"abscissa": names, "bound": list(BOUNDS)}, {"curves": list(curves), "confidence": confidence}
    )


def _spread(curves: Curves, confidence: float) -> dict[str, Any]:
    """Spread with bounds, noise, quality and the number of comparisons."""
    differences = _differences(curves.x, curves.curve)
    number, points = differences.shape
    if not number:
        return {**_NOTHING, "comparisons": 0}
    means = np.array([curves.samples[cell][time].mean() for cell, time in zip(curves.cell, curves.time, strict=True)])
    apart = differences @ means
    observed = float(np.mean(apart**2))
    form = (differences.T @ differences / number).tocsr()  # the mean square as a quadratic form of means
    draw = np.random.default_rng(0)
    noise, moved = 0.0, np.zeros((RESAMPLES, points))
    for cell in np.unique(curves.cell):
        places = np.flatnonzero(curves.cell == cell)
        sample = curves.samples[cell][curves.time[places]]
        replicates = sample.shape[1]
        if replicates < 2:
            alone = np.array([np.sqrt(observed), np.nan, np.nan])
            return {**_NOTHING, "spread": alone, "comparisons": number}
        centred = sample - sample.mean(axis=1, keepdims=True)
        covariance = centred @ centred.T / (replicates * (replicates - 1))
        noise += float((form[places][:, places].toarray() * covariance).sum())
        moved[:, places] = _resampled(centred, draw)
    across = moved @ (differences.T @ apart) / number
    own = np.einsum("rp,pr->r", moved, form @ moved.T)
    tail = (1 - confidence) / 2
    bounds = np.quantile(_that_explain(observed, across, own), [tail, 1 - tail])
    widest = np.nanmax(curves.most) - np.nanmin(curves.least)  # no two curves are further apart
    spread = np.array([np.sqrt(max(observed - noise, 0.0)), *np.minimum(bounds, widest)])
    quality = observed / noise if noise > 0 else np.nan
    return {"spread": spread, "noise": np.sqrt(noise), "quality": quality, "comparisons": number}


def _differences(x: np.ndarray, curve: np.ndarray) -> "csr_array":
    """Makes differences of values [point]: [comparison, point], each point less the line of another curve at its x."""
    from scipy.sparse import csr_array  # which takes long to import

    rows: list[np.ndarray] = []
    columns: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    number = 0
    for each in np.unique(curve):
        own = np.flatnonzero(curve == each)
        own = own[np.argsort(x[own])]
        if own.size < 2:
            continue
        beside = np.flatnonzero((curve != each) & (x >= x[own[0]]) & (x <= x[own[-1]]))
        right = np.clip(np.searchsorted(x[own], x[beside]), 1, own.size - 1)
        left, right = own[right - 1], own[right]
        share = (x[beside] - x[left]) / (x[right] - x[left])
        rows.append(np.tile(number + np.arange(beside.size), 3))
        columns.append(np.concatenate([beside, left, right]))
        weights.append(np.concatenate([np.ones(beside.size), share - 1, -share]))
        number += beside.size
    if not number:
        return csr_array((0, x.size))
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return csr_array(entries, shape=(number, x.size))


def _resampled(centred: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """What noise adds to means [resample, time] of trajectories [time, replicate] with mean 0."""
    number = centred.shape[1]
    different, times = np.unique(centred.T, axis=0, return_counts=True)
    share = draw.multinomial(number, times / number, RESAMPLES) / number
    return share @ different * np.sqrt(number / (number - 1))


def _that_explain(observed: float, across: np.ndarray, own: np.ndarray) -> np.ndarray:
    """For each resample the spread that, with its noise, gives the mean square that is observed; 0 where noise is more.

    The differences are taken to be as they are, up to a factor f: f² observed + 2 f across + own = observed.
    """
    if observed == 0:
        return np.zeros(own.shape)
    root = across**2 + observed * (observed - own)
    return np.where(root >= 0, np.maximum(np.sqrt(np.maximum(root, 0.0)) - across, 0.0), 0.0) / np.sqrt(observed)
