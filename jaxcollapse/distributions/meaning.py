"""What the numbers of a file are: logits, probabilities or counts. The sweep file says so, or their name does.

A name is read word by word: `relative_frequency`, `wordCount` and `P(word)` are names of three, two and two words.
"""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.limits import MOST_LOGIT

Meaning = Literal["logits", "probabilities", "counts"]

KEY = "process.initial.variable"
_COUNTS = {"count", "counts", "occurrence", "occurrences"}
_PROBABILITIES = {
    *("p", "prob", "probs", "probability", "probabilities", "proportion", "proportions", "share", "shares"),
    *("freq", "freqs", "frequency", "frequencies", "percent", "percentage", "pct", "weight", "weights", "mass"),
}
_LOGITS = {"logit", "logits", "ln", "lnp", "lnprob", "lnprobs"}  # and whatever begins with log
_NEGATED = {"neg", "negative", "nll", "surprisal"}
_BASE = re.compile(r"log[\W_]?(2|10)(?!\d)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LARGE = 20  # from here on, e to the power of the largest of whole numbers leaves nothing of the others
_NEAR_1 = 1e-3


def meaning_of(name: str) -> Meaning | None:
    """What a name says its numbers are; None if it says nothing.

    Raises:
        InputError: it says that they are logarithms of another base, or of another sign.
    """
    words = {word.casefold() for word in _WORD.findall(_HUMP.sub(" ", name))}
    if base := _BASE.search(name):
        raise InputError(
            KEY, f"{name!r} has logarithms to base {base[1]}; multiply by ln {base[1]} to get natural ones"
        )
    if words & _NEGATED:
        raise InputError(KEY, f"{name!r} seems to be −ln p; change its sign and its name, or give values = 'logits'")
    if words & _LOGITS or any(word.startswith("log") for word in words):
        return "logits"
    return "counts" if words & _COUNTS else "probabilities" if words & _PROBABILITIES else None


def earlier_meaning(name: str) -> Meaning:
    """What version 0.1.0 took numbers of this name for."""
    return "probabilities" if name.startswith("prob") else "logits"


def as_logits(name: str, numbers: np.ndarray, meaning: Meaning | None, rows: Sequence[str] | None) -> np.ndarray:
    """Numbers [token] or [row, token] as logits.

    Args:
        name: of the variable.
        numbers: its values.
        meaning: what the sweep file says they are; by default it is what the name says, else logits.
        rows: names of the rows.

    Raises:
        InputError: they are not what is said; or nothing is said, and they look like counts or probabilities.
    """
    if numbers.ndim not in (1, 2) or not numbers.size:
        raise InputError(KEY, f"{name} has the shape {numbers.shape}; rows of numbers are needed")
    if (wrong := np.isnan(numbers) | (numbers == np.inf)).any():
        raise InputError(KEY, f"{name} has NaN or infinite values: {_first(wrong, numbers, rows)}")
    said = meaning or meaning_of(name)
    if said in ("probabilities", "counts"):
        if (wrong := numbers < 0).any():
            place = _first(wrong, numbers, rows)
            raise InputError(KEY, f"{name} has negative values: {place}; if they are logits, give values = 'logits'")
        if meaning == "counts" and (wrong := numbers != np.round(numbers)).any():
            place = _first(wrong, numbers, rows)
            raise InputError(
                KEY, f"{name} has counts that are not whole numbers: {place}; for weights give values = 'probabilities'"
            )
        with np.errstate(divide="ignore"):
            numbers = np.log(numbers)
    elif said is None:
        _check_unsaid(name, numbers)
    if (wrong := np.isfinite(numbers) & (np.abs(numbers) > MOST_LOGIT)).any():
        place = _first(wrong, numbers, rows)
        raise InputError(KEY, f"{name} has logits beyond ±{MOST_LOGIT:g}: {place}; use -inf for impossible tokens")
    if (wrong := ~(numbers > -np.inf).any(axis=-1)).any():
        what = (
            "no token is possible"
            if numbers.ndim == 1
            else f"{_row(int(np.argmax(wrong)), rows)} has no possible token"
        )
        raise InputError(KEY, f"{name}: {what}; add a pseudo-count, or leave the row out")
    return numbers


def add_up_to_1(numbers: np.ndarray) -> bool:
    """Whether each row does, but for rounding."""
    return bool((np.abs(numbers.sum(axis=-1) - 1) < _NEAR_1).all())


def _check_unsaid(name: str, numbers: np.ndarray) -> None:
    """Raises where numbers that nothing is said of are hardly logits."""
    if (numbers < 0).any():
        return
    if (numbers == np.round(numbers)).all() and numbers.max() > _LARGE:
        what = "counts"
    elif numbers.shape[-1] > 1 and add_up_to_1(numbers):
        what = "probabilities"
    else:
        return
    told = f"{name!r} does not say what its numbers are, and they look like {what}"
    raise InputError("process.initial.values", f"{told}; give values = {what!r}, or 'logits' if they are")


def _first(wrong: np.ndarray, numbers: np.ndarray, rows: Sequence[str] | None) -> str:
    """The first wrong number, and its place."""
    place = tuple(int(index) for index in np.unravel_index(np.argmax(wrong), wrong.shape))
    where = f"token {place[-1]}" if len(place) == 1 else f"token {place[-1]} of {_row(place[0], rows)}"
    return f"{numbers[place]:g} ({where}, counted from 0)"


def _row(index: int, rows: Sequence[str] | None) -> str:
    return f"row {index}" if rows is None else f"row {index} ({str(rows[index])!r})"
