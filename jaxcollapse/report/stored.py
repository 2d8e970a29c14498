"""All the numbers that a page shows, for a page that has no study to ask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.status import cell_dims
from jaxcollapse.report.edges import edges_of
from jaxcollapse.report.encoding import packed
from jaxcollapse.report.outcome import Outcome
from jaxcollapse.report.quantities import Quantity, bands
from jaxcollapse.report.right_answers import codes_of
from jaxcollapse.report.scales import scale_of, scale_of_shares
from jaxcollapse.report.slabs import slabs
from jaxcollapse.report.summary import Row, rows_of
from jaxcollapse.report.texts import first_middle_last
from jaxcollapse.report.theory import mean_of, theory_of
from jaxcollapse.report.thinning import Shown, thinned
from jaxcollapse.report.view import View

_MOST_TOLD = 500  # cells of which theory is asked, since it takes some time for each


def shown_of(view: View) -> Shown:
    """Which part of the axes and generations a page has room for."""
    lines = sum(len(quantity.lines) for quantity in view.quantities)
    return thinned(tuple(map(len, view.axes)), len(view.generations), lines)


def part_of(data: xr.Dataset, shown: Shown) -> xr.Dataset:
    """The cells that are shown, with all their generations."""
    return data.isel({name: list(places) for name, places in zip(cell_dims(data.status), shown.axes, strict=True)})


def boundaries_of(data: xr.Dataset, view: View, shown: Shown, generations: Sequence[int]) -> dict[int, Any]:
    """For each axis that can have a boundary its place on all lines of cells that are shown; see `edges_of`.

    Args:
        data: all cells.
        view: of the cells and generations that are shown.
        shown: which part of the data these are.
        generations: places of the generations at which boundaries are sought, among those that are shown.
    """
    found = {}
    for place, axis in view.bounded:
        others = {
            each.dim: list(places) for each, places in zip(view.axes, shown.axes, strict=True) if each is not axis
        }
        lines = edges_of(data.isel(others), axis, [int(view.generations[each]) for each in generations])
        told = np.full((*lines.shape[:-2], len(view.generations), lines.shape[-1]), np.nan)
        told[..., list(generations), :] = lines
        found[place] = packed(told)
    return found


def numbers_of(data: xr.Dataset, view: View, generations: tuple[int, ...], outcome: Outcome | None) -> dict[str, Any]:
    """Curves, words and summaries of all cells, with cells in one row.

    Args:
        data: the cells that are shown.
        view: of these cells and generations.
        generations: places of those that are shown among those recorded.
        outcome: of these cells.
    """
    curves = {quantity.name: _curves(data, quantity, generations) for quantity in view.quantities}
    theory = _theory(data, view.quantities, generations)
    made: dict[str, Any] = {"curves": {}, "summary": _summary(data)}
    for quantity in view.quantities:
        made["curves"][quantity.name] = _told(curves[quantity.name], quantity, view)
        made["curves"][quantity.name] |= theory.get(quantity.name, {})
    if outcome is not None and view.question is not None:
        medians = [curves[name][..., 0, :, 1] for name in view.question.needed]
        codes = view.question.codes(medians, view.thresholds)
        ends = outcome.codes.reshape(-1, 1)
        made["codes"] = packed(np.where((codes < 0) & (ends < 0), ends, codes))
        made["sure"] = packed(outcome.confidence)
    if (texts := first_middle_last(data)) is not None:
        made["texts"] = texts.to_dict()
    if view.has_answers:
        made["answers"] = packed(codes_of(data, data.generation.values[list(generations)].tolist()))
    return made


def _curves(data: xr.Dataset, quantity: Quantity, generations: tuple[int, ...]) -> np.ndarray:
    """Low, middle and high of each cell: [cell, line, generation, bound]."""
    shape = tuple(data.sizes[name] for name in cell_dims(data.status))
    found = np.empty((*shape, len(quantity.lines), len(generations), 3), np.float32)
    own = data[[quantity.name, "status"]].assign_coords(generation=data.generation)  # which events lack
    for where, piece in slabs(own):
        found[where] = bands(piece.load().isel(generation=list(generations)), quantity)
    return found.reshape(-1, *found.shape[len(shape) :])


def _told(curves: np.ndarray, quantity: Quantity, view: View) -> dict[str, Any]:
    scale = scale_of_shares() if quantity.is_event else scale_of(quantity.name, curves, view.thresholds.tolerance)
    bounds = dict(zip(("low", "middle", "high"), np.moveaxis(curves, -1, 0), strict=True))
    return {"scale": scale, **{name: packed(values) for name, values in bounds.items()}}


def _theory(
    data: xr.Dataset, quantities: Sequence[Quantity], generations: tuple[int, ...]
) -> dict[str, dict[str, Any]]:
    """The curves of theory and the means next to them, [cell, generation], of quantities for which theory has them."""
    cells = int(np.prod([data.sizes[name] for name in cell_dims(data.status)]))
    if cells > _MOST_TOLD:
        return {}
    thin = data.isel(generation=list(generations))
    found = theory_of(thin, quantities)
    made = {each.name: {"theory": packed(found[each.name])} for each in quantities if each.name in found}
    for each in quantities:
        if each.name in found and not each.is_event:
            made[each.name]["mean"] = packed(mean_of(thin, each))
    return made


def _summary(data: xr.Dataset) -> list[dict[str, Any]]:
    """Each row of the summary with the values of all cells, [cell, bound]."""
    shape = tuple(data.sizes[name] for name in cell_dims(data.status))
    found: dict[tuple[str, str], Row] = {}
    ends = data.isel(generation=[-1]).drop_vars(["logits", "text"], errors="ignore")
    for where, piece in slabs(ends):
        for row in rows_of(piece):
            whole = found.setdefault((row.title, row.kind), row.over(shape))
            whole.values[where], whole.known[where] = row.values, row.known
    return [row.to_dict() for row in found.values()]
