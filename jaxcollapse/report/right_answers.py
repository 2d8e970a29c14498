"""What became of right answers, for a page: a word for each cell, and sentences about them."""

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from jaxcollapse.analysis.answers import ANSWERS, NEEDED, TOLERANCE, words_at
from jaxcollapse.analysis.status import cell_dims, last_generation, own_cells
from jaxcollapse.analysis.verdict import ABSENT, Thresholds
from jaxcollapse.report.axes import ShownAxis, listed
from jaxcollapse.report.headline import AnsweredCells, Point
from jaxcollapse.report.outcome import Outcome, Question, is_cell_of
from jaxcollapse.report.slabs import slabs
from jaxcollapse.sweep.display import count

VALUE = "lost_correct_mass"  # the number of a cell beside its word
_LOST = tuple(ANSWERS.index(word) for word in ("narrowed", "lost"))
_SAID = {  # of several cells, and of one
    "sharper": ("are only sharper", "is only sharper"),
    "narrowed": ("are narrowed", "is narrowed"),
    "lost": ("have lost answers and are not more accurate", "has lost answers and is not more accurate"),
    "worse": ("are worse", "is worse"),
    "unchanged": ("are unchanged", "is unchanged"),
}
_MEANINGS = (
    f"as accurate as the original, within {TOLERANCE:g}, with at most {100 * TOLERANCE:g} % of the right answers lost",
    f"more accurate, with at most {100 * TOLERANCE:g} % of the right answers lost",
    "more accurate, but right answers are lost: one attempt succeeds more often, and some answers never come again",
    "right answers are lost, and the model is not more accurate",
    "less accurate, but no right answers are lost",
)
_QUESTION = Question(NEEDED, ANSWERS, (0, 1), (), _LOST, "loss of right answers", _MEANINGS)


def has_answers(data: xr.Dataset) -> bool:
    """Whether a dataset has what the words about right answers need: two observables, and a record at the start."""
    return all(name in data for name in NEEDED) and bool((data.generation == 0).any())


def codes_of(data: xr.Dataset, generations: Sequence[int]) -> np.ndarray:
    """The word of each cell at each of these generations, as an index into `ANSWERS`: [axis, …, generation]."""
    shape = tuple(data.sizes[name] for name in cell_dims(data.status))
    found = np.empty((*shape, len(generations)), np.int8)
    for where, part in slabs(data[[*NEEDED, "status"]]):
        piece = part.load()
        for place, generation in enumerate(generations):
            found[..., place][where] = words_at(piece, generation).transpose(*cell_dims(data.status)).values
    return np.where(is_cell_of(data)[..., None], found, np.int8(ABSENT))


def sentences_of(data: xr.Dataset, axes: Sequence[ShownAxis]) -> Iterator[Point]:
    """In how many cells the model has only become sharper, in how many it has lost answers, and in which."""
    last = last_generation(data)
    codes = codes_of(data, [last])[..., 0]
    outcome = Outcome(_QUESTION, Thresholds.of(data), codes, np.full(codes.shape, np.nan))
    cells = AnsweredCells(axes, outcome, own_cells(data).values)
    number = [cells.number(codes == code) for code in range(len(ANSWERS))]
    known, when = sum(number), f"after {count(last, 'generation')}"
    if not known:
        return
    most = ANSWERS[int(np.argmax(number))]
    if known == 1:
        who = "The cell" if codes.size == 1 else "The only known cell"
        yield Point("Right answers", f"{who} {_said(most, 1)} {when}: {_MEANINGS[ANSWERS.index(most)]}.", most)
        return
    there = [word for word in _SAID if number[ANSWERS.index(word)]]
    if len(there) == 1:
        meaning = _MEANINGS[ANSWERS.index(most)]
        yield Point("Right answers", f"All {known} cells {_said(most, known)} {when}: {meaning}.", most)
        return
    each = [(number[ANSWERS.index(word)], word) for word in there]
    said = [f"{number_of} {_said(word, number_of)}" for number_of, word in each]
    yield Point("Right answers", f"Of the {known} cells, {listed(said)} {when}.", most)
    for code in _LOST:
        if number[code]:
            word, where = ANSWERS[code], cells.where(codes == code)
            yield Point(word.capitalize(), f"{_sentence(_MEANINGS[code])}{where}.", word)


def _said(word: str, number: int) -> str:
    """ "are narrowed": what is said of so many cells."""
    several, one = _SAID[word]
    return one if number == 1 else several


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
