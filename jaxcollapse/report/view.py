"""What a page knows of a study before it has any numbers: axes, generations, quantities, and what is drawn how."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxcollapse.analysis.answers import ANSWERS
from jaxcollapse.analysis.looks import FOREVER, LOOKS, UNKNOWN
from jaxcollapse.analysis.plot.arrangement import arrange
from jaxcollapse.analysis.plot.scale import Scale
from jaxcollapse.analysis.verdict import ABSENT, Thresholds, needed_by, plane_of
from jaxcollapse.report.axes import ShownAxis, axes_of
from jaxcollapse.report.outcome import Outcome, Question, question_of
from jaxcollapse.report.quantities import Quantity, quantities_of
from jaxcollapse.report.right_answers import VALUE, has_answers
from jaxcollapse.report.scales import points_of, time_of
from jaxcollapse.report.texts import has_texts

MOST_REPLICATES = 200  # that are drawn one by one
_CURVES = ("persona_entropy", "entropy")


@dataclass(frozen=True)
class View:
    """What can be chosen on a page.

    Attributes:
        axes: the axes of the sweep.
        generations: the recorded generations.
        quantities: the quantities that have curves.
        question: the question that cells answer; None if no question can be asked.
        thresholds: where verdicts change.
        plane: names of the observables to the right and upwards; None if the dataset lacks one.
        value: name of the observable whose values cells have at first; empty if there is nothing to show.
        replicates: number of replicates.
        across: number of the axis to the right in the phase diagram at first; None if there is none.
        up: number of the axis upwards in the phase diagram at first; None if there is none.
        start: places of the cell that is chosen at first.
        has_answers: whether it is known what became of right answers.
        has_texts: whether there are texts of models.
        curve: name of the quantity that is drawn at first, as a rule one that the chosen cell has.
    """

    axes: list[ShownAxis]
    generations: np.ndarray
    quantities: list[Quantity]
    question: Question | None
    thresholds: Thresholds
    plane: tuple[str, str] | None
    value: str
    replicates: int
    across: int | None
    up: int | None
    start: tuple[int, ...]
    has_answers: bool
    has_texts: bool
    curve: str

    @classmethod
    def of(cls, data: xr.Dataset, outcome: Outcome | None = None) -> "View":
        """All of a dataset, whose cells have this outcome where it is known."""
        found = quantities_of(data)
        names = {quantity.name for quantity in found}
        plane, (loss, gap, *_) = plane_of(data), needed_by(data)
        question, thresholds = question_of(data), Thresholds.of(data)
        axes = axes_of(data)
        start = _start(tuple(map(len, axes)), outcome)
        cells, dims = data.status.isel(replicate=0), [axis.dim for axis in axes]
        roles = arrange(data, cells, {"x": None, "y": None}, {}).roles
        across, up = (None if name is None else dims.index(name) for name in roles.values())
        return cls(
            axes=axes,
            generations=data.generation.values,
            quantities=found,
            question=question,
            thresholds=thresholds,
            plane=plane if set(plane) <= names else None,
            value=_first([each for each in found if _has_colour(each)], (gap, loss, "entropy")),
            replicates=data.sizes["replicate"],
            across=across,
            up=up,
            start=start,
            has_answers=has_answers(data),
            has_texts=has_texts(data),
            curve=_curve(data, found, dict(zip((axis.dim for axis in axes), start, strict=True))),
        )

    @property
    def colours(self) -> list[Quantity]:
        """What a phase diagram can show: observables with one value in each cell."""
        return [quantity for quantity in self.quantities if _has_colour(quantity)]

    @property
    def observables(self) -> list[Quantity]:
        """The quantities that have trajectories, which events do not."""
        return [quantity for quantity in self.quantities if not quantity.is_event]

    @property
    def events(self) -> list[Quantity]:
        """What happens once in a trajectory, or never."""
        return [quantity for quantity in self.quantities if quantity.is_event]

    @property
    def bounded(self) -> list[tuple[int, ShownAxis]]:
        """The axes along which there can be a boundary of losses, with their numbers."""
        if self.question is None or not self.question.is_verdict:
            return []
        return [(place, axis) for place, axis in enumerate(self.axes) if len(axis.numbers) > 1]

    def to_dict(self) -> dict[str, Any]:
        """The view as JSON data of a page."""
        question = self.question
        return {
            "axes": [
                {
                    "title": axis.title,
                    "words": axis.words,
                    "labels": axis.labels,
                    "ordered": axis.order is not None,
                    "scale": _points(Scale.of_axis, axis.numbers) if axis.numbers else None,
                    "points": [{"title": each.title, "scale": _points(Scale.of, each.values)} for each in axis.points],
                }
                for axis in self.axes
            ],
            "generations": self.generations.tolist(),
            "time": time_of(self.generations),
            "quantities": {
                each.name: {"title": each.title, "lines": each.lines, "event": each.is_event}
                for each in self.quantities
            },
            "bounded": [place for place, _ in self.bounded],
            "words": question.words if question else [],
            "answers": ANSWERS if self.has_answers else [],
            "answered": VALUE,
            "texts": self.has_texts,
            "looks": {word: look._asdict() for word, look in LOOKS.items()},
            "forever": FOREVER,
            "unknown": UNKNOWN,
            "value": self.value,
            "lost": question.lost if question else [],
            "tolerance": self.thresholds.tolerance,
            "replicates": self.replicates,
            "single": min(self.replicates, MOST_REPLICATES),
            "plane": self.plane,
            "across": self.across,
            "up": self.up,
            "start": self.start,
        }


def _points(scale: Callable[[np.ndarray], Scale], numbers: Sequence[float]) -> dict[str, Any]:
    values = np.array(numbers)
    return points_of(scale(values), values)


def _start(shape: tuple[int, ...], outcome: Outcome | None) -> tuple[int, ...]:
    """The cell in the middle or, where it is known what became of cells, the nearest one that lost something."""
    middle = np.array([size // 2 for size in shape], int)
    if outcome is None:
        return tuple(middle.tolist())
    is_lost = np.isin(outcome.codes, outcome.question.lost)
    found = np.argwhere(is_lost if is_lost.any() else outcome.codes != ABSENT)
    return tuple(found[np.abs(found - middle).sum(axis=1).argmin()].tolist())


def _curve(data: xr.Dataset, quantities: list[Quantity], cell: dict[str, int]) -> str:
    """An observable whose trajectories a cell has: of two models, one may have what the other lacks."""
    observables = [each for each in quantities if not each.is_event]
    last = data.isel(cell).isel(generation=-1)
    known = [each for each in observables if last[each.name].notnull().any()]
    return _first(known or observables, _CURVES)


def _has_colour(quantity: Quantity) -> bool:
    return not quantity.is_event and quantity.dim is None


def _first(quantities: list[Quantity], wished: tuple[str, ...]) -> str:
    names = [quantity.name for quantity in quantities]
    return next((name for name in (*wished, *names) if name in names), "")
