"""The line of a phase diagram: where half of the replicates are forgetting or collapsed, along one of its axes."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxcollapse.analysis.boundary import LOST, crossings_of, verdict_shares
from jaxcollapse.analysis.crossing import is_logarithmic, position
from jaxcollapse.analysis.plot.scale import Scale
from jaxcollapse.analysis.verdict import Thresholds, comparable, needed_by
from jaxcollapse.report.axes import ShownAxis
from jaxcollapse.report.scales import places_of

_BOUNDS = ("lower", "estimate", "upper")
SIZE = 2 * len(_BOUNDS)  # numbers of a line of cells


def edges_of(data: xr.Dataset, axis: ShownAxis, generations: Sequence[int]) -> np.ndarray:
    """The boundary along an axis on each line of cells, at some generations: [other axis, …, generation, number].

    The six numbers are lower bound, estimate and upper bound of `ds.collapse.boundary`: first between the indices of
    the axis's values, then on its scale. Those that are not known are NaN. On the scale a bound beyond the ends of the
    axis is not known; between indices it is half a step beyond them.

    Args:
        data: the dataset, in order; along the axis it may have more values than are shown.
        axis: an axis of numbers, with those of its values that are shown.
        generations: recorded ones.
    """
    shown = np.array(axis.numbers)
    is_log, scale = is_logarithmic(shown), Scale.of_axis(shown)
    data, thresholds = comparable(data), Thresholds.of(data)
    then = data[[*needed_by(data), "status"]].sel(generation=list(generations))
    lines = crossings_of(verdict_shares(then, list(LOST), 0.5, 0.95, thresholds), data[axis.dim])
    bounds = np.stack([lines[name].values for name in _BOUNDS], axis=-1)
    between = np.array([position(shown, bound, is_log=is_log) for bound in bounds.ravel()]).reshape(bounds.shape)
    return np.concatenate([between, places_of(scale, np.where(np.isfinite(bounds), bounds, np.nan))], axis=-1)
