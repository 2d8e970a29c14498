"""Where a verdict or an observable changes along an axis, with an interval over replicates; see `crossing`."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order, is_numeric
from jaxcollapse.analysis.crossing import DIRECTIONS, SIDES, Crossing, crossing
from jaxcollapse.analysis.labels import heading
from jaxcollapse.analysis.median import median_interval
from jaxcollapse.analysis.status import (
    at_generation,
    cell_dims,
    counted,
    is_event,
    label_of,
    status_of,
    variable,
)
from jaxcollapse.analysis.summary import along_bounds, check_confidence, means, shares
from jaxcollapse.analysis.verdict import VERDICTS, Thresholds, check_needed, comparable, needed_by, words
from jaxcollapse.errors import did_you_mean, shown
from jaxcollapse.observables.registry import YES_OR_NO

VERDICT = "verdict"
LOST = ("forgetting", "collapsed")  # what no rule that looks at probabilities alone brings back
_HALF = 0.5
_STATISTICS = ("mean", "median")


class Curve(NamedTuple):
    """What crosses a level.

    Attributes:
        values: estimate, low and high in each cell, along `bound`.
        level: what they cross.
        meaning: what they are, in words.
    """

    values: xr.DataArray
    level: float
    meaning: str


def boundary(
    data: xr.Dataset,
    axis: str,
    of: str = VERDICT,
    level: float | None = None,
    verdict: str | Sequence[str] = LOST,
    statistic: str = "mean",
    generation: int | None = None,
    confidence: float = 0.95,
    tolerance: float | None = None,
    collapse_threshold: float | None = None,
    share: float | None = None,
) -> xr.Dataset:
    """Where a verdict or an observable changes along an axis, for all values of the other axes.

    `estimate` is the place of the crossing, and `lower` and `upper` bound it. The bounds are values of the axis, since
    a grid does not know more; −∞ and ∞ mean that it may be beyond the first or the last value. `side` says where the
    estimates are that do not cross: "below", "above", or "unknown" if no trajectory counts. `direction` is 1 if they
    rise along the axis, −1 if they fall. `crossings` is the number of times that the estimates cross, and `certain`
    the number of times that they surely do. If `certain` is above 1, there are several boundaries: the bounds contain
    all of them, and there is no estimate; select a part of the axis for each.

    Args:
        data: any part of a result.
        axis: an axis with numbers.
        of: "verdict" for the share of replicates that have one of the verdicts on their own; or an observable; or an
            event, for its median time.
        level: what is crossed, in the units of the observable; by default one half for shares.
        verdict: one or several of `VERDICTS`, by default "forgetting" and "collapsed".
        statistic: "mean" or "median" of an observable over replicates.
        generation: a recorded one, by default the last.
        confidence: of the bounds, between 0 and 1.
        tolerance, collapse_threshold, share: of verdicts, see `classification.classify`.

    Raises:
        ValueError: there is no such axis, observable, verdict or generation, the level is missing, or the dataset lacks
            what verdicts need.
    """
    check_confidence(confidence)
    status_of(data)
    data = in_order(data)
    check_axis(data, axis)
    thresholds = Thresholds.of(data, tolerance, collapse_threshold, share) if of == VERDICT else Thresholds()
    curve = curve_of(data, of, level, verdict, statistic, generation, confidence, thresholds)
    found = crossings_of(curve, data[axis])
    told = {"axis": axis, "of": of, "level": curve.level, "statistic": curve.meaning, "confidence": confidence}
    return found.assign_attrs(told)


def curve_of(
    data: xr.Dataset,
    of: str,
    level: float | None,
    verdict: str | Sequence[str],
    statistic: str,
    generation: int | None,
    confidence: float,
    thresholds: Thresholds,
) -> Curve:
    """What `boundary` looks for, in each cell; the arguments are its own."""
    if statistic not in _STATISTICS:
        raise ValueError(f"statistic = {statistic!r} is neither 'mean' nor 'median'")
    if of == VERDICT:
        return _verdicts(data, _named(verdict), level, generation, confidence, thresholds)
    return _observable(data, of, level, statistic, generation, confidence)


def _verdicts(
    data: xr.Dataset,
    wanted: list[str],
    level: float | None,
    generation: int | None,
    confidence: float,
    thresholds: Thresholds,
) -> Curve:
    """The share of replicates with one of these verdicts."""
    check_needed(data)
    data = comparable(data)
    then = at_generation(data[[*needed_by(data), "status"]], generation)
    return verdict_shares(then, wanted, _HALF if level is None else float(level), confidence, thresholds)


def verdict_shares(
    then: xr.Dataset, wanted: list[str], level: float, confidence: float, thresholds: Thresholds
) -> Curve:
    """The share of replicates with one of these verdicts, at one generation, or at each along `generation`.

    Args:
        then: what verdicts follow from, and the status; of models that can be compared.
        wanted: the verdicts.
        level: the share at which the boundary is.
        confidence: of the bounds.
        thresholds: of verdicts.
    """
    order = (*cell_dims(then.status), *({"generation"} & set(then.dims)), "replicate")
    given = [counted(then, then[name]).transpose(*order) for name in needed_by(then)]
    word = given[0].copy(data=words([each.values for each in given], thresholds))
    holds = word.isin([VERDICTS.index(each) for each in wanted])
    found = shares(holds, word >= 0, confidence)
    return Curve(found, level, f"share of replicates: {' or '.join(wanted)}")


def _observable(
    data: xr.Dataset, name: str, level: float | None, statistic: str, generation: int | None, confidence: float
) -> Curve:
    """The mean, median or share of an observable or an event."""
    own = variable(data, name)
    long_name, _ = label_of(own)
    is_share = name in YES_OR_NO
    if level is None and not is_share:
        raise ValueError(f"level is missing: give the value of {name!r} at which the boundary is")
    goal = _HALF if level is None else float(level)
    if is_event(own):
        happened = counted(data, own.fillna(np.inf)).compute()
        return Curve(along_bounds(happened, median_interval, confidence), goal, f"median {long_name}")
    values = counted(data, at_generation(data[[name]], generation)[name]).compute()
    if is_share:
        return Curve(shares(values == 1, values.notnull(), confidence), goal, f"share whose {long_name}")
    if statistic == "median":
        return Curve(along_bounds(values, median_interval, confidence), goal, f"median {long_name}")
    return Curve(means(values, confidence), goal, f"mean {long_name}")


def crossings_of(curve: Curve, axis: xr.DataArray) -> xr.Dataset:
    """The crossing of each line of cells along an axis of ascending numbers."""
    lines = curve.values.transpose(..., axis.name, "bound")
    x = axis.values.astype(float)
    shape = lines.shape[:-2]
    found = [crossing(x, line, curve.level) for line in lines.values.reshape(-1, *lines.shape[-2:]).astype(float)]
    rest = lines.isel({str(axis.name): 0, "bound": 0}, drop=True)
    made = {}
    units = str(axis.attrs.get("units", "1"))
    long_name = str(axis.attrs.get("long_name", axis.name))
    about: dict[str, dict[str, Any]] = {
        "estimate": {"long_name": f"boundary along {long_name}", "units": units},
        "lower": {"long_name": f"lower bound of the boundary along {long_name}", "units": units},
        "upper": {"long_name": f"upper bound of the boundary along {long_name}", "units": units},
        "crossings": {"long_name": "number of crossings of the estimates", "units": "1"},
        "certain": {"long_name": "number of crossings that are sure", "units": "1"},
        "side": {
            "long_name": "side of the estimates",
            "flag_values": np.arange(len(SIDES), dtype=np.int8),
            "flag_meanings": " ".join(SIDES),
        },
        "direction": {
            "long_name": "direction of the crossing",
            "flag_values": np.array(list(DIRECTIONS), np.int8),
            "flag_meanings": " ".join(DIRECTIONS.values()),
        },
    }
    for each in fields(Crossing):
        values = np.array([getattr(one, each.name) for one in found]).reshape(shape)
        values = values.astype(np.int8) if "flag_values" in about[each.name] else values
        made[each.name] = rest.copy(data=values)
        made[each.name].attrs = about[each.name]
    return xr.Dataset(made)


def check_axis(data: xr.Dataset, axis: str) -> None:
    """Raises ValueError unless this is an axis with numbers."""
    axes = cell_dims(data.status)
    if axis not in axes:
        raise ValueError(f"axis = {axis!r} is not an axis of this dataset{did_you_mean(axis, axes)}")
    if heading(data, axis) != axis:
        raise ValueError(f"axis = {axis!r} has several fields ({heading(data, axis)}), whose values have no order")
    if not is_numeric(data, axis):
        raise ValueError(f"axis = {axis!r} does not have numbers, whose order a boundary needs")


def _named(verdict: str | Sequence[str]) -> list[str]:
    """The verdicts that are asked for."""
    wanted = [verdict] if isinstance(verdict, str) else list(verdict)
    for each in wanted:
        if each not in VERDICTS:
            raise ValueError(f"verdict = {shown(each)} is not a verdict{did_you_mean(str(each), list(VERDICTS))}")
    if not wanted:
        raise ValueError(f"verdict is an empty list; choose from {', '.join(VERDICTS)}")
    return wanted
