"""What became of each cell, in one word, by the observables that a study has.

With all that verdicts need the word is the verdict. With fewer observables it is less: whether some sampling
temperature brings the original back, or whether the log loss on original data is what it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import bdtr

from jaxcollapse.analysis.classification import classify, most_sure
from jaxcollapse.analysis.status import at_generation, counted, has_status
from jaxcollapse.analysis.verdict import (
    ABSENT,
    NEEDED,
    NEEDED_OF_ROWS,
    VERDICTS,
    Thresholds,
    comparable,
    final_median,
    name_of,
    needed_by,
    without_absent,
    words,
)

_MOST_RESAMPLED = 200_000  # trajectories, of which a bootstrap takes a minute
_MISSING, _DIVERGED = -1, -2


@dataclass(frozen=True)
class Question:
    """A question that can be asked of a cell.

    Attributes:
        needed: the observables that answer it.
        words: the possible answers.
        safe: indices of the answers that mean no change.
        back: indices of the answers that mean a change which a sampling temperature undoes.
        lost: indices of the answers that mean a loss.
        loss: what a loss is called.
        meanings: meanings of the answers.
    """

    needed: tuple[str, ...]
    words: tuple[str, ...]
    safe: tuple[int, ...]
    back: tuple[int, ...]
    lost: tuple[int, ...]
    loss: str
    meanings: tuple[str, ...]

    @property
    def is_verdict(self) -> bool:
        """Whether the words are the verdicts."""
        return self.words == VERDICTS

    def codes(self, medians: Sequence[np.ndarray], thresholds: Thresholds) -> np.ndarray:
        """The answer to each place of the medians of `needed`: an index into `words`, -1 where it is not known."""
        if self.is_verdict:
            return words(medians, thresholds).astype(np.int8)
        (values,) = medians
        above = (values > thresholds.tolerance).astype(np.int8)
        return np.where(np.isnan(values), np.int8(_MISSING), above)


@dataclass(frozen=True)
class Outcome:
    """The answers at the last generation.

    Attributes:
        question: the question.
        thresholds: where verdicts change.
        codes: for each cell [axis, …] the index of its answer, or a negative number as in verdicts.
        confidence: how sure each answer is [axis, …]; NaN if that is not known.
    """

    question: Question
    thresholds: Thresholds
    codes: np.ndarray
    confidence: np.ndarray

    def word(self, code: int) -> str:
        """An answer in one word, "missing" or "diverged"."""
        return self.question.words[code] if code >= 0 else name_of(code)

    def meaning(self, code: int) -> str:
        """What an answer means, with the thresholds as numbers."""
        limits, meaning = self.thresholds, self.question.meanings[code]
        numbers = {"tolerance": f"{limits.tolerance:g}", "collapse": f"{limits.collapse:g}"}
        numbers["share"] = f"{100 * limits.share:g} %"
        for name, value in numbers.items():
            meaning = meaning.replace(f"{{{name}}}", value)
        return meaning


_GAP_WORDS = ("recoverable", "forgotten")
_GAP_MEANINGS = (
    "some sampling temperature brings the original back within {tolerance} nat",
    "no sampling temperature brings the original back within {tolerance} nat",
)
_SAFE, _BACK = ("unchanged",), ("cooled", "heated")
_MEANINGS = {
    "unchanged": "the log loss on original data is within {tolerance} nat of the original's",
    "cooled": "a sampling temperature above 1 brings at least {share} of the log loss back, to within {tolerance} nat",
    "heated": "a sampling temperature below 1 brings at least {share} of the log loss back, to within {tolerance} nat",
    "distorted": "no sampling temperature brings the loss back, but the mode and the order of likelihood are kept",
    "forgetting": "tokens, modes or their order are lost, and no sampling temperature brings them back",
    "collapsed": "forgetting, and one token holds all but {collapse} of the probability",
}
_LOSS_WORDS = ("unchanged", "changed")
_LOSS_MEANINGS = (
    "the log loss on original data is within {tolerance} nat of the original's",
    "the log loss on original data is more than {tolerance} nat above the original's",
)


def _indices(is_meant: Callable[[str], bool]) -> tuple[int, ...]:
    """The indices of these verdicts."""
    return tuple(code for code, word in enumerate(VERDICTS) if is_meant(word))


def _questions(needed: tuple[str, ...]) -> tuple[Question, ...]:
    """The possible questions: with fewer observables than verdicts need, less can be asked."""
    loss, gap, *_ = needed
    gaps, losses = ((name, name.replace("smoothed_", "")) for name in (gap, loss))
    return (
        Question(
            needed,
            VERDICTS,
            _indices(lambda word: word in _SAFE),
            _indices(lambda word: word in _BACK),
            _indices(lambda word: word not in (*_SAFE, *_BACK)),
            "loss",
            tuple(_MEANINGS[word] for word in VERDICTS),
        ),
        *(Question((gap,), _GAP_WORDS, (), (0,), (1,), "loss", _GAP_MEANINGS) for gap in gaps),
        *(Question((loss,), _LOSS_WORDS, (0,), (), (1,), "change", _LOSS_MEANINGS) for loss in losses),
    )


QUESTIONS = {needed: _questions(needed) for needed in (NEEDED, NEEDED_OF_ROWS)}


def question_of(data: xr.Dataset) -> Question | None:
    """What can be asked of the cells of this dataset; None if it lacks the observables."""
    return next((each for each in QUESTIONS[needed_by(data)] if set(each.needed) <= set(data.data_vars)), None)


def outcome_of(data: xr.Dataset) -> Outcome | None:
    """What became of each cell by the last generation; None if it lacks the observables."""
    question = question_of(data)
    if question is None:
        return None
    data, thresholds = comparable(data), Thresholds.of(data)
    axes = [name for name in data.status.dims if name != "replicate"]
    if question.is_verdict and data.status.size <= _MOST_RESAMPLED:
        told = classify(data).transpose(*axes, ...)
        codes = without_absent(data, told.verdict).values
        return Outcome(question, thresholds, codes, np.where(codes == ABSENT, np.nan, told.confidence.values))
    medians = [final_median(data, name).transpose(*axes).values for name in question.needed]
    codes = question.codes(medians, thresholds)
    diverged = has_status(data, "diverged").any("replicate").transpose(*axes).values
    confidence = np.full(codes.shape, np.nan)
    if len(question.needed) == 1:
        then = at_generation(data[[*question.needed, "status"]])
        values = counted(then, then[question.needed[0]]).transpose(*axes, "replicate").values
        confidence = _confidence(values, codes == 1, thresholds.tolerance)
    codes = np.where((codes < 0) & diverged, np.int8(_DIVERGED), codes)
    return Outcome(question, thresholds, np.where(is_cell_of(data), codes, np.int8(ABSENT)), confidence)


def is_cell_of(data: xr.Dataset) -> np.ndarray:
    """Which places along the axes have a cell, [axis, …]."""
    found = xr.ones_like(data.status.isel(replicate=0, drop=True), bool)
    absent = without_absent(data, found.astype(np.int8)) == ABSENT
    return np.asarray(~absent.transpose(*(name for name in data.status.dims if name != "replicate")).values)


def _confidence(values: np.ndarray, above: np.ndarray, tolerance: float) -> np.ndarray:
    """The probability that the median of a bootstrap sample is on the same side of the tolerance.

    The lower median of n is above if at most (n − 1) // 2 values are not, and in a bootstrap sample their number is
    binomial. It is at most that of `most_sure`; NaN for a single replicate, which says nothing about others.
    """
    number = np.count_nonzero(~np.isnan(values), axis=-1)
    below = np.count_nonzero(values <= tolerance, axis=-1) / np.maximum(number, 1)
    is_above = bdtr((np.maximum(number, 1) - 1) // 2, np.maximum(number, 1), below)
    agree = np.where(above, is_above, 1 - is_above)
    return np.where(number > 1, np.minimum(agree, most_sure(number)), np.nan)
