"""What the page asks of a study: each answer reads the cells that it is about, and no others."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.axis_order import in_order
from jaxcollapse.analysis.theory import STARTS
from jaxcollapse.analysis.verdict import ABSENT, comparable, final_median
from jaxcollapse.report.edges import edges_of
from jaxcollapse.report.encoding import packed
from jaxcollapse.report.outcome import is_cell_of, outcome_of
from jaxcollapse.report.quantities import Quantity, bands, trajectories
from jaxcollapse.report.right_answers import codes_of
from jaxcollapse.report.scales import scale_of, scale_of_shares
from jaxcollapse.report.summary import rows_of
from jaxcollapse.report.texts import ends_and, written
from jaxcollapse.report.theory import mean_of, theory_of
from jaxcollapse.report.view import MOST_REPLICATES, View


class Answers:
    """Answers about a lazily opened dataset, in the form that numbers.js expects."""

    def __init__(self, data: xr.Dataset):
        self.data = in_order(comparable(data))
        self.view = View.of(self.data)
        self._quantities = {quantity.name: quantity for quantity in self.view.quantities}

    def plane(
        self, across: int | None, up: int | None, at: Sequence[int], generation: int, colour: str
    ) -> dict[str, Any]:
        """What is known of the cells of a plane, row by row.

        Args:
            across, up: the axes that run to the right and upwards, by their places among all.
            at: the place along each axis of the chosen cell.
            generation: the place of one of the recorded generations.
            colour: the observable that is shown, or nothing.

        Raises:
            ValueError: the axis does not exist, value, generation or observable.
        """
        cells = self._cells(at, across, up)
        number = len(self.view.generations)
        self._generation(generation)
        names = [*(self.view.question.needed if self.view.question else ()), *(self.view.plane or ())]
        names += [self._quantity(colour).name] if colour else []
        # The scale of a plane is that of its start, its end, and what is shown.
        places = (generation, 0, number - 1)
        medians = {name: self._medians(cells, name, places, across, up) for name in dict.fromkeys(names)}
        tolerance = self.view.thresholds.tolerance
        scales = {name: scale_of(name, values[:, [1, 2, 0], None], tolerance) for name, values in medians.items()}
        told: dict[str, Any] = {"scale": scales.get(colour), "codes": None, "sure": None, "plane": None}
        number_of_cells = prod(cells.sizes[axis.dim] for axis in self.view.axes)
        told["values"] = packed(medians[colour][:, 0] if colour else np.full(number_of_cells, np.nan))
        if self.view.plane:
            x, y = self.view.plane
            points = {side: packed(medians[name][:, 0]) for side, name in (("x", x), ("y", y))}
            told["plane"] = {**points, "scales": [scales[x], scales[y]]}
        if self.view.has_answers:
            codes = codes_of(cells, [int(self.view.generations[generation])])[..., 0]
            told["answers"] = packed(_by_rows(codes, across, up))
        return told | self._words(cells, medians, generation, across, up)

    def boundary(self, along: int, beside: int | None, at: Sequence[int], generation: int) -> dict[str, Any]:
        """Where the boundary of losses is along an axis, on each line of cells of a plane; see `edges_of`.

        Args:
            along: the axis, by its place among all.
            beside: the other axis of the plane.
            at: the place along each axis of the chosen cell.
            generation: the place of one of the recorded generations.

        Raises:
            ValueError: the axis does not exist, or has no boundaries, or a place along an axis does not exist.
        """
        cells, axis = self._cells(at, along, beside), dict(self.view.bounded).get(along)
        if axis is None:
            raise ValueError("the axis has no boundaries")
        needed = (
            [name for name in (*self.view.question.needed, "status") if name in cells] if self.view.question else []
        )
        return packed(edges_of(cells[needed].load(), axis, [self._generation(generation)]))

    def curves(self, at: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
        """The curves of these quantities in a cell, and single trajectories.

        Raises:
            ValueError: the cell does not exist or quantity.
        """
        cell = self._cells(at)
        return {name: self._curves(cell, self._quantity(name)) for name in names}

    def summary(self, at: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of the table of a cell.

        Raises:
            ValueError: the cell does not exist.
        """
        last = self._cells(at).isel(generation=[-1]).drop_vars(["logits", "text"], errors="ignore").load()
        return [row.to_dict() for row in rows_of(last)]

    def _generation(self, place: int) -> int:
        """A recorded generation, by its place among them."""
        number = len(self.view.generations)
        if not 0 <= place < number:
            raise ValueError(f"generation {place} is not from 0 to {number - 1}")
        return int(self.view.generations[place])

    def texts(self, at: Sequence[int], generation: int, replicate: int) -> dict[str, Any]:
        """Texts of a trajectory of a cell: at the first and the last generation, and at the chosen one.

        Raises:
            ValueError: there are no texts, or the cell, generation or replicate does not exist.
        """
        cell, number = self._cells(at), len(self.view.generations)
        if not self.view.has_texts:
            raise ValueError("there are no texts")
        if not (0 <= generation < number and 0 <= replicate < self.view.replicates):
            raise ValueError("the generation or the replicate does not exist")
        own = cell.isel(replicate=[replicate])
        told = written(own, ends_and(generation, records=number)).to_dict()
        return {**told, "replicates": [int(cell.replicate[replicate])]}

    def _quantity(self, name: str) -> Quantity:
        if name not in self._quantities:
            raise ValueError("the observable does not exist")
        return self._quantities[name]

    def _cells(self, at: Sequence[int], *whole: int | None) -> xr.Dataset:
        """A cell, or all along some axes; every axis stays."""
        axes = self.view.axes
        if len(at) != len(axes) or not all(0 <= place < len(axis) for place, axis in zip(at, axes, strict=True)):
            raise ValueError("the cell does not exist")
        if not all(each is None or 0 <= each < len(axes) for each in whole):
            raise ValueError("the axis does not exist")
        # Every axis is indexed, so that what is loaded of the part is not kept for the whole.
        parts = [slice(None) if number in whole else [place] for number, place in enumerate(at)]
        return self.data.isel({axis.dim: part for axis, part in zip(axes, parts, strict=True)})

    def _medians(
        self, cells: xr.Dataset, name: str, places: Sequence[int], across: int | None, up: int | None
    ) -> np.ndarray:
        """Medians of an observable at some generations: [cell, generation]."""
        own = cells[[name, "status"]].load()
        found = [final_median(own, name, int(self.view.generations[place])) for place in places]
        dims = [axis.dim for axis in self.view.axes]
        return np.stack([_by_rows(each.transpose(*dims).values, across, up) for each in found], axis=-1)

    def _words(
        self, cells: xr.Dataset, medians: dict[str, np.ndarray], generation: int, across: int | None, up: int | None
    ) -> dict[str, Any]:
        question = self.view.question
        if question is None:
            return {}
        if generation == len(self.view.generations) - 1:
            outcome = outcome_of(cells)
            assert outcome is not None
            return {
                "codes": packed(_by_rows(outcome.codes, across, up)),
                "sure": packed(_by_rows(outcome.confidence, across, up)),
            }
        now = [medians[name][:, 0] for name in question.needed]
        codes, is_cell = question.codes(now, self.view.thresholds), _by_rows(is_cell_of(cells), across, up)
        return {"codes": packed(np.where(is_cell, codes, np.int8(ABSENT)))}

    def _curves(self, cell: xr.Dataset, quantity: Quantity) -> dict[str, Any]:
        names = [name for name in dict.fromkeys((quantity.name, "status", *STARTS, "logits")) if name in cell]
        own = cell[names].assign_coords(generation=cell.generation).load()  # which events lack
        around = bands(own, quantity)[(0,) * len(self.view.axes)]
        bounds = zip(("low", "middle", "high"), np.moveaxis(around, -1, 0), strict=True)
        told: dict[str, Any] = {name: packed(values) for name, values in bounds}
        tolerance = self.view.thresholds.tolerance
        told["scale"] = scale_of_shares() if quantity.is_event else scale_of(quantity.name, around, tolerance)
        theory = theory_of(own, [quantity]).get(quantity.name)
        if theory is not None:
            told["theory"] = packed(theory)
        if quantity.is_event:
            return told
        if theory is not None:
            told["mean"] = packed(mean_of(own, quantity))
        single = trajectories(own, quantity)[(0,) * len(self.view.axes)][..., :MOST_REPLICATES]
        told["scale"] = scale_of(quantity.name, single, tolerance)
        told["replicates"] = [[packed(one) for one in line.T] for line in single]
        return told


def _by_rows(table: np.ndarray, across: int | None, up: int | None) -> np.ndarray:
    """A table over all axes, row by row; only two of the axes have more than one place."""
    first = [axis for axis in (up, across) if axis is not None]
    return table.transpose(*first, *(axis for axis in range(table.ndim) if axis not in first)).ravel()
