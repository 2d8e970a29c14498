"""Counts of n-grams of a text, as the rows of a chain."""

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.limits import MOST_CONTEXTS, MOST_NUMBERS

_KEY = "process.initial"


def ngram_rows(text: np.ndarray, size: int, order: int, smoothing: float) -> np.ndarray:
    """Logits of the next token after each window of 0, 1, … `order` tokens, [window, token].

    The text is read as a circle, so that each of its places has a window before it, and counts of shorter windows are
    sums over longer ones. Windows are ordered by their length, then by their tokens, the oldest one first.

    Args:
        text: numbers of the tokens, [place].
        size: number of tokens V.
        order: tokens k of the longest windows.
        smoothing: pseudo-count of each token in each row. Where it is 0, the row of a window that does not occur is
            uniform, which is its limit; no trace comes there.

    Returns:
        Logarithms of counts, [1 + V + … + V^k, V].

    Raises:
        InputError: the table would be too large, or the text is too short.
    """
    check_windows(size, order, f"{_KEY}.top")
    if len(text) <= order:
        told = f"a text of {len(text)} tokens is too short for windows of {order} and a next token"
        raise InputError(f"{_KEY}.path", f"{told}; it needs at least {order + 1}")
    code = text.astype(np.int64)
    for place in range(1, order + 1):
        code = code * size + np.roll(text, -place)
    levels = [np.bincount(code, minlength=size ** (order + 1)).reshape(-1, size)]
    for length in range(order - 1, -1, -1):  # of windows less their oldest token
        levels.append(levels[-1].reshape(size, size**length, size).sum(axis=0))
    counts = np.concatenate(levels[::-1]) + float(smoothing)
    counts[counts.sum(axis=1) == 0] = 1
    with np.errstate(divide="ignore"):
        return np.log(counts)


def number_of_windows(size: int, order: int) -> int:
    """Windows of 0, 1, … `order` of so many tokens: 1 + V + … + V^k."""
    return sum(size**length for length in range(order + 1))


def check_windows(size: int, order: int, key: str) -> None:
    """Raises `InputError` at this key if a table of all windows is too large."""
    if problem := too_many_windows(size, order):
        raise InputError(key, problem)


def too_many_windows(size: int, order: int) -> str | None:
    """What is wrong with a chain of this order over so many tokens: that its table is too large; None if it fits."""
    rows = number_of_windows(size, order)
    if rows <= MOST_CONTEXTS and rows * size <= MOST_NUMBERS:
        return None
    told = f"order = {order} with {size} tokens makes {rows} rows, one for each window of up to {order}"
    return f"{told}; at most {MOST_CONTEXTS} rows are allowed: use fewer tokens (vocab_size, top) or a lower order"
