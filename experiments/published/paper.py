"""What a paper says, numbers that the engine gives beside it, and the section of the page about both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from docs.generate import table
from jaxcollapse.analysis.plot.figure import Picture

Data = Mapping[str, xr.Dataset]


@dataclass(frozen=True)
class Point:
    """One number of a published formula beside the simulated one.

    Attributes:
        quantity: what was measured, in which setting, with its unit.
        formula: the number that the paper's formula gives.
        of_groups: the mean over groups of the size that was simulated; None if the formula itself knows the size.
        measured: the mean over trajectories.
        error: its standard error.
        holds: whether the formula's assumptions hold in this setting.
    """

    quantity: str
    formula: float
    of_groups: float | None
    measured: float
    error: float
    holds: bool = True

    @property
    def z(self) -> float:
        """The difference from the formula, in standard errors."""
        return self.z_if(1.0)

    @property
    def z_of_groups(self) -> float:
        """The difference from the mean over groups of this size, in standard errors."""
        return self.z if self.of_groups is None else (self.measured - self.of_groups) / self.error

    def z_if(self, factor: float) -> float:
        """The difference in standard errors, were the formula multiplied by this."""
        return (self.measured - factor * self.formula) / self.error


@dataclass(frozen=True)
class Paper:
    """A published result and its reproduction.

    Attributes:
        name: a word for the file name of the picture.
        title: heading of the section.
        says: what the paper says, with its formula; paragraphs.
        simulated: what was simulated, in which settings; items of a list.
        caption: describes the picture.
        run: computes the datasets; the number of trajectories is divided by its argument.
        compare: numbers beside the formula.
        limits: where the formula does not hold, with numbers from the data; lines of Markdown.
        draw: the picture of the datasets.
    """

    name: str
    title: str
    says: Sequence[str]
    simulated: Sequence[str]
    caption: str
    run: Callable[[int], Data]
    compare: Callable[[Data], list[Point]]
    limits: Callable[[Data], list[str]]
    draw: Callable[[Data], Picture]

    @property
    def picture(self) -> str:
        """The file name of the picture."""
        return f"published_{self.name}.png"


HEADS = ("quantity", "formula", "mean over such groups", "simulated", "standard error", "z", "z of such groups")


def point(quantity: str, formula: float, of_groups: float | None, sample: np.ndarray, *, holds: bool = True) -> Point:
    """The mean of a sample over trajectories beside a formula."""
    values = np.asarray(sample, float)
    error = float(values.std(ddof=1) / np.sqrt(values.size))
    return Point(quantity, float(formula), of_groups, float(values.mean()), error, holds)


def row(each: Point) -> tuple[str, ...]:
    """The cells of a number in the table of the page."""
    knows_size = each.of_groups is None
    return (
        each.quantity,
        f"{each.formula:.4g}",
        "" if knows_size else f"{each.of_groups:.4g}",
        f"{each.measured:.4g}",
        f"{each.error:.2g}",
        f"{round(each.z, 1) + 0.0:.1f}",
        "" if knows_size else f"{round(each.z_of_groups, 1) + 0.0:.1f}",
    )


def section(paper: Paper, data: Data) -> str:
    """The section of the page: what the paper says, what was simulated, picture, numbers, limits."""
    points = paper.compare(data)
    held = [each for each in points if each.holds]
    worst = max(abs(each.z) for each in held)
    lines = [f"## {paper.title}", ""]
    for paragraph in paper.says:
        lines += [paragraph, ""]
    lines += [f"- {item}" for item in paper.simulated]
    lines += ["", f"![{paper.caption}](pictures/{paper.picture})", "", f"*{paper.caption}*", ""]
    lines += [*_numbers(held), ""]
    lines += [f"**The largest difference from the formula is {worst:.1f} standard errors.**", ""]
    lines += ["**Where it does not hold.**", "", *paper.limits(data), ""]
    if len(held) < len(points):
        lines += [*_numbers([each for each in points if not each.holds]), ""]
    return "\n".join(lines)


def _numbers(points: Sequence[Point]) -> list[str]:
    """The table of numbers; without the columns for groups of a size if every formula knows the size."""
    shown = [place for place, head in enumerate(HEADS) if "such groups" not in head]
    if any(each.of_groups is not None for each in points):
        shown = list(range(len(HEADS)))
    rows = [tuple(row(each)[place] for place in shown) for each in points]
    return table(tuple(HEADS[place] for place in shown), rows)
