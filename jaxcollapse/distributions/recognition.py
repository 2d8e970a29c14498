"""Which of several texts a piece of text is from: naive Bayes over pairs of tokens, with equal priors.

A piece is a chain of order 1 of the text that it is from. Probabilities of the next token are smoothed as Witten and
Bell (1991) do: a token a that d(a) different ones follow, n(a) times, gives p(b | a) = (n(a, b) + d(a) p(b)) /
(n(a) + d(a)), and shares p(b) have one more count of each token. For large vocabularies tokens are independent.
"""

import numpy as np

from jaxcollapse.distributions.learned_text import LearnedText

MOST_OF_PAIRS = 512  # tokens, up to which pairs are counted


def log_likelihoods(text: LearnedText, width: int) -> np.ndarray:
    """ln p of a token after the one before it, in each text, from the part for training.

    Args:
        text: the texts.
        width: number of tokens, at least those of the texts; the others are as likely as one that is never seen.

    Returns:
        [text, before, token]: at place 0 of `before` without a token before, then after each; that place alone for more
        than `MOST_OF_PAIRS` tokens.
    """
    found = np.zeros((len(text.texts), rows_of(width), width))
    for row, tokens in zip(found, text.parts_for_training, strict=True):
        single = np.bincount(tokens, minlength=width) + 1.0
        row[0] = single / single.sum()
        if len(row) > 1:
            pairs = np.bincount(tokens[:-1] * width + tokens[1:], minlength=width**2).reshape(width, width)
            follow, number = (pairs > 0).sum(axis=1, keepdims=True), pairs.sum(axis=1, keepdims=True)
            row[1:] = np.where(number > 0, (pairs + follow * row[0]) / np.maximum(number + follow, 1), row[0])
    return np.log(found)


def rows_of(width: int) -> int:
    """How many rows a text's table has, for so many tokens."""
    return 1 + width if width <= MOST_OF_PAIRS else 1


def recall(text: LearnedText, places: int) -> np.ndarray:
    """Share of the windows of so many held-out tokens, of each text, that are found to be from it; NaN if too short."""
    table = log_likelihoods(text, text.tokens_in_all)
    found = []
    for number, tokens in enumerate(text.held_out):
        if len(tokens) < places:
            found.append(np.nan)
            continue
        windows = np.lib.stride_tricks.sliding_window_view(tokens, places)
        scores = table[:, 0, windows[:, 0]]
        before = windows[:, :-1] + 1 if table.shape[1] > 1 else np.zeros_like(windows[:, :-1])
        scores = scores + table[:, before, windows[:, 1:]].sum(axis=-1)
        found.append(float((scores.argmax(axis=0) == number).mean()))
    return np.array(found)
