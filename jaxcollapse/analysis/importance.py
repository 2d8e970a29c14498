"""How much of the variance of an observable over cells each axis and each pair of axes explains."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.design import Design, design_of
from jaxcollapse.analysis.polynomial_chaos import Fitted, chosen, fitted
from jaxcollapse.analysis.status import at_generation, cell_dims, counted, has_status, is_event, label_of, variable
from jaxcollapse.analysis.summary import BOUNDS, check_confidence
from jaxcollapse.analysis.variance_components import (
    NOISE,
    components,
    means_of,
    noise_of,
    resampled,
    terms,
)

RESAMPLES = 500
_GROUPS = 20  # of points, each left out once
_PAIR = 2
_HIGHER, _UNEXPLAINED, _NOISE = "three or more axes", "unexplained", "noise"


def importance(data: xr.Dataset, name: str, generation: int | None = None, confidence: float = 0.95) -> xr.Dataset:
    """How much of the variance of an observable over cells each axis and each pair of axes explains.

    `variance` has a row for each axis, each pair, all higher interactions, and the noise that a finite number of
    replicates leaves in the means. The noise is subtracted from all other rows, which may therefore be slightly
    negative. `share` divides by the variance without noise: of an axis it is Sobol's first-order index. `total` is the
    share of all terms that have an axis, Sobol's total index. All have estimate, low and high along `bound`.

    On a full grid this is an exact analysis of variance. If a dimension has scattered points, whose coordinates vary
    together, a polynomial is fitted to them, and `unexplained` is what it leaves; then there is a result for each
    position of the other axes.

    Args:
        data: any part of a result.
        name: an observable with one value for each trajectory; its means over replicates are compared.
        generation: a recorded one, by default the last.
        confidence: of the intervals, between 0 and 1.

    Raises:
        ValueError: there is no such observable or generation, no axis has several values, cells of the grid lack a
            finite mean, or there are too few points.
    """
    check_confidence(confidence)
    own = variable(data, name)
    values = own.fillna(np.inf) if is_event(own) else at_generation(data[[name]], generation)[name]
    axes = [each for each in cell_dims(data.status) if data.sizes[each] > 1]
    if several := [each for each in cell_dims(values) if each not in data.status.dims]:
        raise ValueError(f"{name!r} has several values along {several[0]!r}; select one of them")
    values = counted(data, values).transpose(..., "replicate").compute().astype(float)
    if not axes:
        raise ValueError("no axis of the dataset has several values, so that nothing explains a variance")
    design = design_of(data, axes)
    method = "analysis of variance" if design is None else "polynomial chaos"
    attributes = {"observable": name, "confidence": confidence, "method": method}
    attributes["generation"] = -1 if is_event(own) else int(at_generation(data, generation).generation)
    complete = int(has_status(data, "complete").sum())
    attributes["left_out"] = complete - int(np.isfinite(values).sum())
    found = _of_grid(values, axes, confidence) if design is None else _of_design(values, design, confidence)
    long_name, units = label_of(own)
    squared = "1" if units == "1" else f"{units}2"
    for each, text, unit in (
        ("variance", f"variance of the mean {long_name} over cells", squared),
        ("share", f"share of the variance of the mean {long_name}", "1"),
        ("total", f"share of all terms with an axis, of the variance of the mean {long_name}", "1"),
    ):
        found[each].attrs = {"long_name": text, "units": unit}
    return found.assign_attrs(attributes)


def _flat(variance: np.ndarray, total: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Variances, shares and total shares, [row, …]; shares of no variance are NaN.

    Args:
        variance: [term, …].
        total: [axis, …], the variance of all terms that have an axis.
        whole: […], what shares are of.
    """
    of = np.where(whole > 0, whole, np.nan)
    return np.concatenate([variance, variance / of, total / of])


def _of_grid(values: xr.DataArray, axes: list[str], confidence: float) -> xr.Dataset:
    table = values.squeeze([each for each in cell_dims(values) if each not in axes], drop=True)
    table = table.transpose(*axes, "replicate")
    shape, flat = table.shape[:-1], table.values.reshape(-1, table.shape[-1])
    if "is_repeated" in values.coords and bool(values.is_repeated.any()):
        raise ValueError(
            "some axes have an effect in some cells only, and other cells repeat (is_repeated); select cells in which "
            "all axes have one, or hold those axes at a value"
        )
    if lacking := int((~np.isfinite(means_of(flat))).sum()):
        is_infinite = int(np.isinf(flat).any(axis=-1).sum())
        why = f"{is_infinite} of them since values are infinite" if is_infinite else "since no replicate counts"
        raise ValueError(
            f"{lacking} of {len(flat)} cells lack a finite mean of {values.name!r}, {why}; select a part of each axis "
            "whose cells have one"
        )

    def rows(tables: np.ndarray, noise: np.ndarray) -> np.ndarray:
        found = components(means_of(tables).reshape(-1, *shape), noise)
        variance = np.stack([found.variance[term] for term in (*terms(len(axes)), NOISE)])
        return _flat(variance, np.stack(found.total), found.whole)

    noise = noise_of(flat[None])
    is_known = bool(np.isfinite(noise[0]))
    estimate = rows(flat[None], noise if is_known else np.zeros(1))[:, 0]
    low = high = np.full(estimate.shape, np.nan)
    of_noise = np.array([1, 2]) * len(terms(len(axes))) + np.array([0, 1])
    if is_known:
        # Resamples scatter about the means with their noise, which is subtracted from them: so about the raw parts.
        raw = rows(flat[None], np.zeros(1))[:, 0]
        raw[of_noise] = estimate[of_noise]  # noise itself has nothing subtracted
        away = [rows(tables, noise_of(tables)) - raw[:, None] for tables in resampled(flat, RESAMPLES)]
        low, high = _turned(estimate, np.concatenate(away, axis=-1), confidence)
    else:
        estimate[of_noise] = np.nan
    return _told(axes, _names(axes, terms(len(axes))), estimate, low, high)


def _turned(estimate: np.ndarray, away: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Low and high of the basic bootstrap; no part is below 0."""
    tail = (1 - confidence) / 2
    upper, lower = np.quantile(away, [1 - tail, tail], axis=-1)
    low, high = estimate - upper, estimate - lower
    return np.minimum(np.maximum(low, 0.0), estimate), np.maximum(high, np.maximum(estimate, 0.0))


def _of_design(values: xr.DataArray, design: Design, confidence: float) -> xr.Dataset:
    """The parts for each position of the other axes."""
    others = [each for each in cell_dims(values) if each != design.dim]
    table = values.transpose(*others, design.dim, "replicate")
    lines = table.values.reshape(-1, *table.shape[-2:])
    found = [_of_points(line, design, confidence, str(values.name)) for line in lines]
    coords = {each: values[each] for each in others if each in values.coords}
    shape = tuple(values.sizes[each] for each in others)
    told: dict[str, Any] = {}
    for each in ("variance", "share", "total"):
        array = np.stack([one[each].values for one in found])
        told[each] = ([*others, *found[0][each].dims], array.reshape(*shape, *array.shape[1:]))
    points = np.array([one.attrs["points"] for one in found]).reshape(shape)
    told["points"] = (others, points)
    own = {each: found[0][each] for each in ("term", "axis", "bound")}
    made = xr.Dataset(told, {**coords, **own})
    made.points.attrs = {"long_name": "number of points with a finite mean", "units": "1"}
    return made


def _of_points(table: np.ndarray, design: Design, confidence: float, name: str) -> xr.Dataset:
    """The parts for values [point, replicate] of a design."""
    from scipy.stats import t as student  # which takes long to import

    known = np.isfinite(means_of(table)) & np.isfinite(design.x).all(axis=-1)
    table, x = table[known], design.x[known]
    design.check(len(table), name)
    y, (noise,) = means_of(table), np.nan_to_num(noise_of(table[None])).tolist()
    powers = chosen(x, y)

    def rows(kept: np.ndarray) -> np.ndarray:
        fit = fitted(x[kept], y[kept], powers)
        return _design_rows(fit, noise, x.shape[1])

    estimate = rows(np.ones(len(y), bool))
    # A bootstrap repeats points, at which a polynomial with half as many terms as points is not defined.
    group = np.random.default_rng(0).permutation(len(y)) % _GROUPS
    left = np.array([rows(group != each) for each in range(_GROUPS)])
    error = np.sqrt((_GROUPS - 1) / _GROUPS * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    reach = student.ppf((1 + confidence) / 2, _GROUPS - 1) * error
    low, high = np.minimum(np.maximum(estimate - reach, 0.0), estimate), np.maximum(estimate + reach, 0.0)
    fields = list(design.fields)
    names = [*_names(fields, terms(len(fields)))[:-1], _UNEXPLAINED, _NOISE]
    return _told(fields, names, estimate, low, high).assign_attrs(points=len(y))


def _design_rows(fit: Fitted, noise: float, variables: int) -> np.ndarray:
    explained = [fit.beyond_pairs() if len(term) > _PAIR else fit.variance(*term) for term in terms(variables)]
    unexplained = fit.rest - noise
    total = np.array([fit.total(each) for each in range(variables)])
    return _flat(np.array([*explained, unexplained, noise]), total, np.array(sum(explained) + unexplained))


def _names(axes: Sequence[str], rows: Sequence[tuple[int, ...]]) -> list[str]:
    """What terms are called, and noise."""
    names = [_HIGHER if len(term) > _PAIR else " × ".join(axes[axis] for axis in term) for term in rows]
    return [*names, _NOISE]


def _told(axes: Sequence[str], names: list[str], estimate: np.ndarray, low: np.ndarray, high: np.ndarray) -> xr.Dataset:
    """The dataset from flat rows of variances, shares and totals."""
    table = np.stack([estimate, low, high], axis=-1)
    variance, share, total = np.split(table, [len(names), 2 * len(names)])
    made = {
        "variance": (("term", "bound"), variance),
        "share": (("term", "bound"), share),
        "total": (("axis", "bound"), total),
    }
    return xr.Dataset(made, {"term": names, "axis": list(axes), "bound": list(BOUNDS)})
