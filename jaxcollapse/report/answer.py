"""What came out, in sentences that follow from the data."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from jaxcollapse.analysis.classification import most_sure
from jaxcollapse.analysis.labels import number
from jaxcollapse.analysis.status import has_status, label_of, last_generation
from jaxcollapse.analysis.verdict import final_median, lacking, median_gap, needed_by
from jaxcollapse.report.axes import ShownAxis, axes_of, listed
from jaxcollapse.report.boundaries import Boundaries, boundaries
from jaxcollapse.report.outcome import Outcome
from jaxcollapse.report.quantities import spoken
from jaxcollapse.report.regions import Found, Region, Tally, divided
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
        headline: sentences that say what happened in how many cells.
        loss: a sentence that says what counts as a loss, if several words mean one; empty otherwise.
        where: where something is lost.
        along: sentences that say how this changes along axes.
        sure: sentences that say how sure the answer is, and what is missing.
        words: a row for each word that occurs.
    """

    headline: list[str]
    loss: str
    where: list[Item]
    along: list[str]
    sure: list[str]
    words: list[Word]


def answer_of(data: xr.Dataset, outcome: Outcome | None) -> Answer:
    """The answer of a result, complete or not, whose cells have this outcome."""
    axes = axes_of(data)
    missing = lacking(data)
    headline = [f"There are no verdicts: they need the observables {listed(missing)}."] if missing else []
    if outcome is None or not outcome.question.is_verdict:
        headline += _extremes(data, axes)
    if outcome is None:
        return Answer(headline, "", [], [], _gaps(data), [])
    known = np.asarray(outcome.codes >= 0)
    lost = np.isin(outcome.codes, outcome.question.lost)
    words = _words(axes, outcome)
    regions = divided(lost, known) if len(words) > 1 else ()  # of one word the headline says all
    return Answer(
        [_counted(data, outcome), *headline, *_infinite(data, outcome)],
        _loss(outcome),
        _items(regions, axes, outcome.question.loss) if regions else [],
        [_along(each, outcome.question.loss) for each in boundaries(axes, lost, known) if each.lines > each.same],
        [*_certainty(data, axes, outcome), *_gaps(data)],
        words,
    )


def cell_told(axes: list[ShownAxis], cell: tuple[int, ...]) -> str:
    """ "sampling temperature 1, batch size 16": where a cell is, by the axes that have several values."""
    named = [axis.told([place]) for axis, place in zip(axes, cell, strict=True) if len(axis) > 1]
    return ", ".join(named)


def _counted(data: xr.Dataset, outcome: Outcome) -> str:
    """In how many cells what happened."""
    when = f"After {count(last_generation(data), 'generation')}"
    numbers = Counter(outcome.codes.ravel().tolist())
    if outcome.codes.size == 1:
        (code,) = numbers
        if code < 0:
            return f"The cell is {outcome.word(code)}."
        return f"{when} the cell is {outcome.word(code)}: {_meaning(outcome, code)}."
    present = sorted(numbers, key=lambda code: (code < 0, code))
    if len(present) == 1:
        code = present[0]
        meaning = f": {_meaning(outcome, code)}" if code >= 0 else ""
        return f"{when} all {outcome.codes.size} cells are {outcome.word(code)}{meaning}."
    first, *others = (f"{numbers[code]} {outcome.word(code)}" for code in present)
    told = [first.replace(" ", " is " if numbers[present[0]] == 1 else " are ", 1), *others]
    return f"{when}, of {outcome.codes.size} cells {listed(told)}."


def _meaning(outcome: Outcome, code: int) -> str:
    thresholds = outcome.thresholds
    values = {
        "{tolerance}": f"{thresholds.tolerance:g}",
        "{collapse}": f"{thresholds.collapse:g}",
        "{share}": f"{thresholds.share:.0%}",
    }
    text = outcome.question.meanings[code]
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _loss(outcome: Outcome) -> str:
    """A sentence that says what counts as a loss, where several words that occur mean one."""
    lost = [outcome.word(code) for code in outcome.question.lost if (outcome.codes == code).any()]
    if len(lost) < 2:
        return ""
    return f"{outcome.question.loss.capitalize()} stands for {listed(lost, 'or')}, here and along each axis."


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
    tell = "tell" if len(has) > 1 else "tells" if has else "would tell"
    return [
        f"In {cells} cells the recovery gap is ∞: {why}. {_sentence(listed(has or [*_TELL_MORE]), '')} {tell} more."
    ]


def _items(found: Found, axes: list[ShownAxis], loss: str) -> list[Item]:
    """Regions as a list of lists; what one axis divides is a single line."""
    if isinstance(found, Tally):
        if not found.known:
            return []
        where = " everywhere" if found.lost in (0, found.known) else "; no axis tells where"
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


def _along(found: Boundaries, loss: str) -> str:
    """How losses begin and end along an axis."""
    told = [
        (len(found.begins), f"begins at {found.axis.values(set(found.begins), 'or')}" if found.begins else ""),
        (len(found.ends), f"ends after {found.axis.values(set(found.ends), 'or')}" if found.ends else ""),
        (found.several, "begins or ends more than once"),
    ]
    first, *others = sorted((each for each in told if each[0]), key=lambda each: -each[0])
    grow = f"as {found.axis.words} {'grow' if found.axis.words.endswith('s') else 'grows'}"
    if found.lines == 1:
        return _sentence(f"{grow}, {loss} {first[1]}")
    cases = [f"in {first[0]} of {found.lines} cases {loss} {first[1]}"]
    cases += [f"in {lines} it {what}" for lines, what in others]
    cases += [f"in {found.same} nothing changes"] if found.same else []
    return f"All else fixed, {grow}: {', '.join(cases)}."


def _certainty(data: xr.Dataset, axes: list[ShownAxis], outcome: Outcome) -> list[str]:
    """How sure the words are."""
    if data.sizes["replicate"] == 1:
        return ["Each cell has one replicate, so that it cannot be said how sure this is."]
    most, replicates = float(most_sure(np.array(data.sizes["replicate"]))), data.sizes["replicate"]
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
    told = []
    for meaning, one, many in (
        ("missing", "is not computed yet", "are not computed yet"),
        ("diverged", "has left the floating-point range", "have left the floating-point range"),
    ):
        if number := int(has_status(data, meaning).sum()):
            told.append(f"{number} of {data.status.size} trajectories {one if number == 1 else many}.")
    return told


def _words(axes: list[ShownAxis], outcome: Outcome) -> list[Word]:
    rows = []
    for code in sorted(set(outcome.codes.ravel().tolist()), key=lambda code: (code < 0, code)):
        places = np.argwhere(outcome.codes == code)
        spans = [sorted(set(column.tolist())) for column in places.T]
        narrow = [axis.told(span) for axis, span in zip(axes, spans, strict=True) if len(span) < len(axis)]
        rows.append(
            Word(outcome.word(code), len(places), ", ".join(narrow), _meaning(outcome, code) if code >= 0 else "")
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
