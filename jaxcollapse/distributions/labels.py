"""Names of tokens and of rows, as every file format can hold them; and what a file calls those of its tokens."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

import numpy as np

from jaxcollapse.errors import InputError, cut, did_you_mean
from jaxcollapse.limits import MOST_NAME, MOST_NUMBERS

KEY = "process.initial.labels"
_CALLED = ("token", "word", "label", "term", "symbol", "ngram")
_LEAVE_OUT = "or labels = false for no labels"


def as_names(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Names as an array, which gives each the room that the longest one takes.

    What a netCDF file cannot hold, null characters and halves of surrogate pairs, is written as an escape.
    A name that others have, too, is numbered from the second one on: `a`, `a (2)`, `a (3)`.

    Raises:
        InputError: they take too much.
    """
    texts = _told_apart([storable(_text(value)) for value in values])
    longest = max(map(len, texts), default=0)
    if longest > MOST_NAME or 4 * longest * len(texts) > 8 * MOST_NUMBERS:
        raise InputError(
            "process.initial", f"{len(texts)} names of up to {longest} characters are too many or too long"
        )
    return np.array(texts, str)


def storable(text: str) -> str:
    """A text in which null characters, and halves of surrogate pairs, are escapes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _told_apart(texts: list[str]) -> list[str]:
    known = set(texts)
    if len(known) == len(texts):
        return texts
    seen, made = Counter[str](), []
    for text in texts:
        seen[text] += 1
        name = text
        while seen[text] > 1 and name in known:
            name = f"{text} ({seen[text]})"
            seen[text] += name in known
        known.add(name)
        made.append(name)
    return made


def chosen_labels(
    asked: str | Literal[False] | None, named: Collection[str], texts: Callable[[], list[str]]
) -> str | None:
    """Which of these columns, arrays or variables names the tokens; None if none does.

    Args:
        asked: which one the user asks for, or False for none.
        named: all that could.
        texts: gives those of them that are text, if it has to be known.

    Raises:
        InputError: it is not there; or several could be meant, and labels would be lost.
    """
    if asked is False:
        return None
    if asked is not None:
        if asked not in named:
            raise InputError(KEY, f"{asked!r} is not in the file{did_you_mean(asked, named)}")
        return asked
    by_name = [name for name in named if names_tokens(name)]
    found = ["token"] if "token" in by_name else by_name or texts()
    if len(found) > 1:
        told = ", ".join(map(cut, found[:5]))
        raise InputError(KEY, f"{told} could each name the tokens; give labels = {found[0]!r}, {_LEAVE_OUT}")
    return found[0] if found else None


def names_tokens(name: str) -> bool:
    """Whether a column of this name has labels: token, word, label, term, symbol or ngram, one or many, in any case."""
    return name.strip().casefold().removesuffix("s") in _CALLED


def check_number(labels: np.ndarray | None, tokens: int) -> None:
    """Raises `InputError` unless there are as many labels as tokens."""
    if labels is not None and labels.shape != (tokens,):
        raise InputError(
            KEY,
            f"has {' × '.join(map(str, labels.shape))} labels for {tokens} tokens; give one for each token, "
            f"{_LEAVE_OUT}",
        )
