"""The answer in a few sentences: what is safe, what comes back, what is lost, and where the boundary runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxcollapse.analysis.labels import number
from jaxcollapse.analysis.status import last_generation, own_cells
from jaxcollapse.analysis.verdict import comparable, final_median, needed_by
from jaxcollapse.report.axes import ShownAxis, listed
from jaxcollapse.report.boundaries import Boundaries
from jaxcollapse.report.boxes import boxes, told
from jaxcollapse.report.outcome import Outcome
from jaxcollapse.sweep.display import count

_MOST_BOXES = 3  # in a sentence


@dataclass(frozen=True)
class Point:
    """A sentence of the headline.

    Attributes:
        lead: what it is about, in one or two words; empty if it is about the whole.
        text: the sentence.
        word: the word of a cell whose colour marks the sentence; empty if none does.
    """

    lead: str
    text: str
    word: str = ""


def headline_of(data: xr.Dataset, axes: Sequence[ShownAxis], outcome: Outcome) -> list[Point]:
    """What is safe, what changes and comes back, and what cannot be brought back, in this order."""
    own = own_cells(data).values
    if outcome.codes.size == 1:
        return [_only(data, outcome)]
    known, unknown = outcome.codes >= 0, (outcome.codes < 0) & own
    if not known.any():
        return [Point("", f"Nothing is known of the {int(own.sum())} cells: {_counted(outcome, unknown)}.")]
    when = f"after {count(last_generation(data), 'generation')}"
    cells = AnsweredCells(axes, outcome, own)
    if not outcome.question.is_verdict:
        points = [_plain(cells, code, when) for code in sorted(set(outcome.codes[known].tolist()))]
    else:
        points = [_safe(cells, when), *_changed(cells, data)]
    if unknown.any():
        nothing = "nothing is said of it" if unknown.sum() == 1 else "nothing is said of them"
        points.append(Point("Not known", f"{_counted(outcome, unknown)} of {int(own.sum())} cells: {nothing}."))
    return points


def along(found: Boundaries, loss: str) -> str:
    """How losses begin and end along an axis."""
    kinds = [
        (len(found.begins), f"begins at {found.axis.values(set(found.begins), 'or')}" if found.begins else ""),
        (len(found.ends), f"ends after {found.axis.values(set(found.ends), 'or')}" if found.ends else ""),
        (found.several, "begins or ends more than once"),
    ]
    first, *others = sorted((each for each in kinds if each[0]), key=lambda each: -each[0])
    grow = f"As {found.axis.words} {'grow' if found.axis.words.endswith('s') else 'grows'}"
    if found.lines == 1:
        return f"{grow}, {loss} {first[1]}."
    cases = [f"{loss} {first[1]} in {first[0]} of {found.lines} cases"]
    cases += [f"it {what} in {lines}" for lines, what in others]
    cases += [f"nothing changes in {found.same}"] if found.same else []
    return f"{grow} and all else is fixed, {listed(cases)}."


@dataclass(frozen=True)
class AnsweredCells:
    """The cells of an outcome, with their axes; and which of their places count, each cell once."""

    axes: Sequence[ShownAxis]
    outcome: Outcome
    own: np.ndarray

    @property
    def known(self) -> int:
        """Number of cells whose outcome is known."""
        return self.number(self.outcome.codes >= 0)

    def number(self, places: np.ndarray) -> int:
        """Number of cells at these places."""
        return int((places & self.own).sum())

    def of(self, codes: Sequence[int]) -> np.ndarray:
        """Which cells have one of these outcomes."""
        return np.isin(self.outcome.codes, codes)

    def where(self, cells: np.ndarray) -> str:
        """ ": all with temperature 1", "; among them all with …": where these cells are."""
        if (cells | (self.outcome.codes < 0)).all():  # all that are known
            return ""
        found = boxes(cells, self.axes, _MOST_BOXES)
        covered = np.zeros_like(cells)
        for box in found:
            covered[np.ix_(*box)] = True
        lead = ": " if (covered == cells).all() else ", among them "
        if lead != ": ":
            found = [box for box in found if np.prod(list(map(len, box))) > 1]  # a single cell says little of many
        said = [f"all with {told(box, self.axes)}" for box in found]
        return f"{lead}{'; '.join(said)}" if said else ""


def _only(data: xr.Dataset, outcome: Outcome) -> Point:
    """What became of the only cell."""
    (code,) = outcome.codes.ravel().tolist()
    if code < 0:
        return Point("", f"The cell is {outcome.word(code)}.")
    back = f" It comes back at {_temperatures(data, outcome, [code])}." if code in outcome.question.back else ""
    when = f"After {count(last_generation(data), 'generation')}"
    return Point("", f"{when} the cell is {outcome.word(code)}: {outcome.meaning(code)}.{back}", outcome.word(code))


def _plain(cells: AnsweredCells, code: int, when: str) -> Point:
    """In how many cells an answer holds that is less than a verdict, and where."""
    here, word = cells.of([code]), cells.outcome.word(code)
    number_of = cells.number(here)
    if number_of == cells.known:
        return Point(word.capitalize(), f"{_are(cells).capitalize()} {word} {when}.", word)
    is_or_are = "is" if number_of == 1 else "are"
    return Point(
        word.capitalize(), f"{number_of} of {_cells(cells)} {is_or_are} {word} {when}{cells.where(here)}.", word
    )


def _safe(cells: AnsweredCells, when: str) -> Point:
    question = cells.outcome.question
    safe = cells.of(question.safe)
    number_of, word = cells.number(safe), question.words[question.safe[0]]
    if number_of == 0:
        return Point("Safe", f"No cell is safe: {_all(cells)} changed {when}.", word)
    if number_of == cells.known:
        meaning = cells.outcome.meaning(question.safe[0])
        return Point("Safe", f"{_are(cells).capitalize()} {word} {when}: {meaning}.", word)
    is_or_are = "is" if number_of == 1 else "are"
    return Point("Safe", f"{number_of} of {_cells(cells)} {is_or_are} {word} {when}{cells.where(safe)}.", word)


def _changed(cells: AnsweredCells, data: xr.Dataset) -> list[Point]:
    """Which of the cells that changed come back, at which temperature, and which do not."""
    question = cells.outcome.question
    back, lost = cells.of(question.back), cells.of(question.lost)
    changed, returned, gone = map(cells.number, (back | lost, back, lost))
    if not changed:
        return []
    temperature = "another sampling temperature"
    of_changed = "The only cell that changed" if changed == 1 else f"Of the {changed} cells that changed,"
    none_of = of_changed if changed == 1 else f"None of the {changed} cells that changed"
    all_of = of_changed if changed == 1 else f"All {changed} cells that changed"
    if not returned:
        points = [
            Point("Comes back", f"{none_of} {'does not come' if changed == 1 else 'comes'} back at {temperature}.")
        ]
    else:
        codes = [code for code in question.back if cells.of([code]).any()]
        each = [f"{_some(cells, code, codes)} at {_temperatures(data, cells.outcome, [code])}" for code in codes]
        who = all_of if returned == changed else f"{of_changed} {returned}"
        verb = "comes" if returned == 1 else "come"
        text = f"{who} {verb} back at {temperature} ({', '.join(each)}){cells.where(back)}."
        points = [Point("Comes back", text, cells.outcome.word(codes[0]))]
    if gone:
        codes = [code for code in question.lost if cells.of([code]).any()]
        who = f"{of_changed} {gone} cannot" if gone < changed else f"{none_of} {'cannot' if changed == 1 else 'can'}"
        each = [_some(cells, code, codes) for code in codes]
        text = f"{who} be brought back by any sampling temperature ({', '.join(each)}){cells.where(lost)}."
        points.append(Point("Is lost", text, cells.outcome.word(codes[0])))
    return points


def _temperatures(data: xr.Dataset, outcome: Outcome, codes: Sequence[int]) -> str:
    """ "T = 1.2 to 1.4": the sampling temperatures that bring these cells back."""
    name = next(each for each in needed_by(data) if each.endswith("recovery_temperature"))
    dims = [dim for dim in data.status.dims if dim != "replicate"]
    values = final_median(comparable(data), name).transpose(*dims).values[np.isin(outcome.codes, codes)]
    ends = list(dict.fromkeys(number(float(end)) for end in (values.min(), values.max())))
    return f"T = {' to '.join(ends)}"


def _some(cells: AnsweredCells, code: int, codes: Sequence[int]) -> str:
    """ "3 cooled", or "cooled" where there is no other word."""
    word = cells.outcome.word(code)
    return word if len(codes) == 1 else f"{cells.number(cells.of([code]))} {word}"


def _counted(outcome: Outcome, cells: np.ndarray) -> str:
    """ "2 missing and 1 diverged"."""
    codes, numbers = np.unique(outcome.codes[cells], return_counts=True)
    return listed(
        [f"{number_of} {outcome.word(code)}" for code, number_of in zip(codes.tolist(), numbers, strict=True)]
    )


def _cells(cells: AnsweredCells) -> str:
    """ "84 cells", or "82 known cells" where others are not known."""
    return count(cells.known, "cell" if cells.known == cells.own.sum() else "known cell")


def _all(cells: AnsweredCells) -> str:
    return "the only known cell" if cells.known == 1 else f"all {_cells(cells)}"


def _are(cells: AnsweredCells) -> str:
    return f"{_all(cells)} {'is' if cells.known == 1 else 'are'}"
