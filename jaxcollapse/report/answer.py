"""What came out, in sentences that follow from the data."""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from jaxcollapse.analysis.classification import most_sure
from jaxcollapse.analysis.labels import number
from jaxcollapse.analysis.status import has_status, label_of, last_generation, number_of_replicates, own_cells
from jaxcollapse.analysis.verdict import final_median, lacking, median_gap, needed_by
from jaxcollapse.report.axes import ShownAxis, axes_of, listed
from jaxcollapse.report.boundaries import Boundaries, boundaries
from jaxcollapse.report.bounds import bounded
from jaxcollapse.report.headline import Point, along, headline_of
from jaxcollapse.report.outcome import Outcome
from jaxcollapse.report.quantities import spoken
from jaxcollapse.report.regions import Found, Region, Tally, divided
from jaxcollapse.report.right_answers import has_answers, sentences_of
from jaxcollapse.sweep.display import count

SURE = 0.9
_LEAST_SURE = 5  # cells that are named
_AGREE = "the share of bootstrap samples that agree, and at most 1 − 2⁻ⁿ for n replicates"
_NEARLY_ALL = 0.9  # of the cells, from which on an infinite gap tells little
_TELL_MORE = ("entropy", "kl_from_initial", "total_variation")  # of cells whose gaps are infinite


@dataclass(frozen=True)
class Item:
    """A line of a list, with a list below it.

    Attributes:
        text: text of the line.
        items: lines of the list below it.
    """

    text: str
    items: list["Item"] = field(default_factory=list)


@dataclass(frozen=True)
class Word:
    """One of the words that describe what happened in cells.

    Attributes:
        word: the word.
        cells: number of cells that it describes.
        where: the values of axes that include all these cells.
        meaning: meaning of the word.
    """

    word: str
    cells: int
    where: str
    meaning: str


@dataclass(frozen=True)
class Answer:
    """The answer of a study.

    Attributes:
        headline: what is safe, what comes back, what is lost, and where the boundary runs.
        loss: a sentence that says what counts as a loss; empty if nothing is lost.
        where: where something is lost.
        along: sentences that say how this changes along axes, other than the one of the headline.
        sure: sentences that say how sure the answer is, and what is missing.
        words: a row for each word that occurs.
    """

    headline: list[Point]
    loss: str
    where: list[Item]
    along: list[str]
    sure: list[str]
    words: list[Word]


def answer_of(data: xr.Dataset, outcome: Outcome | None) -> Answer:
    """The answer of a result, complete or not, whose cells have this outcome."""
    axes = axes_of(data)
    missing = lacking(data)
    less = [Point("", f"There are no verdicts: they need the observables {listed(missing)}.")] if missing else []
    if outcome is None or not outcome.question.is_verdict:
        less += [Point("", text) for text in _extremes(data, axes)]
    answers = [*sentences_of(data, axes)] if has_answers(data) else []
    if outcome is None:
        return Answer([*answers, *less], "", [], [], _gaps(data), [])
    known = np.asarray(outcome.codes >= 0)
    lost = np.isin(outcome.codes, outcome.question.lost)
    words = _words(axes, outcome, own_cells(data).values)
    is_whole = "is_cell" not in data.coords  # of one word the headline says all, and regions have no holes
    regions = divided(lost, known) if len(words) > 1 and is_whole else ()
    found = sorted((each for each in boundaries(axes, lost, known) if each.crossings), key=_clearness, reverse=True)
    lines = [along(each, outcome.question.loss) for each in found]
    if not lines and not is_whole:
        lines = bounded(data, axes, outcome)
    return Answer(
        [
            *headline_of(data, axes, outcome),
            *answers,
            *(Point("Boundary", line) for line in lines[:1]),
            *less,
            *(Point("", text) for text in _infinite(data, outcome)),
        ],
        _loss(outcome) if regions else "",
        _items(regions, axes, outcome.question.loss) if regions else [],
        lines[1:],
        [*_certainty(data, axes, outcome), *_gaps(data)],
        words,
    )


def _clearness(found: Boundaries) -> tuple[bool, int]:
    """Boundaries that run one way come first, and of these those that are crossed most often."""
    return found.is_monotone and not (found.begins and found.ends), found.crossings


def cell_told(axes: list[ShownAxis], cell: tuple[int, ...]) -> str:
    """ "sampling temperature 1, batch size 16": where a cell is, by the axes that have several values."""
    named = [axis.told([place]) for axis, place in zip(axes, cell, strict=True) if len(axis) > 1]
    return ", ".join(named)


def _loss(outcome: Outcome) -> str:
    """A sentence that says what counts as a loss."""
    if not outcome.question.is_verdict:
        return ""
    words = [outcome.word(code) for code in outcome.question.lost if (outcome.codes == code).any()]
    return f"A loss is what no sampling temperature brings back: cells that are {listed(words, 'or')}." if words else ""


def _infinite(data: xr.Dataset, outcome: Outcome) -> list[str]:
    """A sentence that says what to look at where nearly all gaps are infinite, and why they are."""
    _, name, *_ = needed_by(data)
    if name not in outcome.question.needed:
        return []
    gaps = median_gap(data).values
    known, infinite = int((~np.isnan(gaps)).sum()), int(np.isinf(gaps).sum())
    if known < 2 or infinite < _NEARLY_ALL * known:
        return []
    cells = f"all {known}" if infinite == known else f"{infinite} of {known}"
    why = "any token left without probability makes it so, and a refit leaves none to a token that it has not seen"
    has = [spoken(label_of(data[each])[0]) for each in _TELL_MORE if each in data]
    show = "show" if len(has) > 1 else "shows" if has else "would show"
    return [
        f"In {cells} cells the recovery gap is ∞: {why}. {_sentence(listed(has or [*_TELL_MORE]), '')} {show} more."
    ]


def _items(found: Found, axes: list[ShownAxis], loss: str) -> list[Item]:
    """Regions as a list of lists; what one axis divides is a single line."""
    if isinstance(found, Tally):
        if not found.known:
            return []
        where = " everywhere" if found.lost in (0, found.known) else "; no axis separates them"
        return [Item(_sentence(_tallied(found, loss) + where))]
    if _is_line(found):
        return [Item(_sentence(_line(found, axes, loss)))]
    return [_item(region, axes, loss) for region in found]


def _item(region: Region, axes: list[ShownAxis], loss: str) -> Item:
    where = axes[region.axis].told(region.places)
    if isinstance(region.within, Tally):
        tally = region.within
        throughout = " throughout" if tally.lost == tally.cells > len(region.places) else ""
        return Item(_sentence(f"{where}: {_tallied(tally, loss)}{throughout}"))
    if _is_line(region.within):
        return Item(_sentence(f"{where}: {_line(region.within, axes, loss)}"))
    return Item(_sentence(where, ":"), [_item(inner, axes, loss) for inner in region.within])


def _is_line(found: tuple[Region, ...]) -> bool:
    return all(isinstance(region.within, Tally) for region in found)


def _line(found: tuple[Region, ...], axes: list[ShownAxis], loss: str) -> str:
    """ "forgetting at batch size 1 and 16, no forgetting at 256"."""
    axis = axes[found[0].axis]
    told = []
    for place, region in enumerate(found):
        where = axis.values(region.places) if place else axis.told(region.places)
        assert isinstance(region.within, Tally)
        told.append(f"{_tallied(region.within, loss)} at {where}")
    return ", ".join(told)


def _tallied(tally: Tally, loss: str) -> str:
    if tally.known == 0:
        return "not known"
    unknown = f" ({tally.cells - tally.known} not known)" if tally.known < tally.cells else ""
    if tally.lost == 0:
        return f"no {loss}{unknown}"
    if tally.lost == tally.known:
        return f"{loss}{unknown}"
    return f"{loss} in {tally.lost} of {tally.known} cells{unknown}"


def _certainty(data: xr.Dataset, axes: list[ShownAxis], outcome: Outcome) -> list[str]:
    """How sure the words are."""
    if data.sizes["replicate"] == 1:
        return ["Each cell has one replicate, so that it cannot be said how sure this is."]
    most, replicates = float(most_sure(np.array(data.sizes["replicate"]))), number_of_replicates(data)
    confidence, noun = outcome.confidence, "verdict" if outcome.question.is_verdict else "word"
    known = confidence[~np.isnan(confidence)]
    if not known.size:
        return [f"How sure each {noun} is has not been computed."] if (outcome.codes >= 0).any() else []
    if most < SURE:
        return [f"With {replicates} replicates no {noun} is more than {_percent(most)} sure: {_AGREE}."]
    if known.size == 1:
        return [f"This {noun} is {_percent(known[0])} sure: {_AGREE}."]
    unsure = np.argwhere(confidence < SURE)
    if not len(unsure):
        return [f"All {known.size} {noun}s are at least {_percent(SURE)} sure: {_AGREE}."]
    order = np.argsort(confidence[tuple(unsure.T)], kind="stable")[:_LEAST_SURE]
    cells = [tuple(unsure[place].tolist()) for place in order]
    named = [
        f"{cell_told(axes, cell)}: {outcome.word(int(outcome.codes[cell]))}, {_percent(confidence[cell])}"
        for cell in cells
    ]
    least = "" if len(unsure) <= _LEAST_SURE else "the least sure are "
    are = "is" if len(unsure) == 1 else "are"
    told = f"{len(unsure)} of {known.size} {noun}s {are} less than {_percent(SURE)} sure ({_AGREE})"
    return [f"{told}: {least}{'; '.join(named)}."]


def _gaps(data: xr.Dataset) -> list[str]:
    """What is missing, and what left the floating-point range."""
    told, own = [], own_cells(data)
    meanings = ("complete", "missing", "diverged")
    trajectories = sum(int((has_status(data, meaning) & own).sum()) for meaning in meanings)
    for meaning, one, many in (
        ("missing", "is not computed yet", "are not computed yet"),
        ("diverged", "has left the floating-point range", "have left the floating-point range"),
    ):
        if number := int((has_status(data, meaning) & own).sum()):
            told.append(f"{number} of {trajectories} trajectories {one if number == 1 else many}.")
    return told


def _words(axes: list[ShownAxis], outcome: Outcome, own: np.ndarray) -> list[Word]:
    rows = []
    for code in sorted(set(outcome.codes[own].tolist()), key=lambda code: (code < 0, code)):
        places = np.argwhere((outcome.codes == code) & own)
        spans = [sorted(set(column.tolist())) for column in places.T]
        narrow = [axis.told(span) for axis, span in zip(axes, spans, strict=True) if len(span) < len(axis)]
        rows.append(
            Word(outcome.word(code), len(places), ", ".join(narrow), outcome.meaning(code) if code >= 0 else "")
        )
    return rows


def _extremes(data: xr.Dataset, axes: list[ShownAxis]) -> list[str]:
    """Between what values the first observable is at the end."""
    dims = set(data.status.dims) | {"generation"}
    name = next((str(name) for name in data.data_vars if set(data[name].dims) == dims), None)
    if name is None:
        return []
    values = final_median(data, name).transpose(*(axis.dim for axis in axes)).values
    if np.isnan(values).all():
        return []
    long_name, units = label_of(data[name])
    unit = "" if units == "1" else f" {units}"
    ends = [np.unravel_index(pick(values), values.shape) for pick in (np.nanargmin, np.nanargmax)]
    told = [f"{number(float(values[end]))}{unit}" for end in ends]
    when = f"After {count(last_generation(data), 'generation')} the median {spoken(long_name)}"
    if told[0] == told[1]:
        return [f"{when} is {told[0]}{' everywhere' if values.size > 1 else ''}."]
    at = [cell_told(axes, tuple(int(place) for place in end)) for end in ends]
    return [f"{when} is between {told[0]} (at {at[0]}) and {told[1]} (at {at[1]})."]


def _sentence(text: str, end: str = ".") -> str:
    return f"{text[:1].upper()}{text[1:]}{end}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share <= 0.99 else "over 99 %"
