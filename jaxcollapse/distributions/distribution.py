"""A distribution over labelled tokens, and what all kinds of initial distribution have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64
from pydantic import BaseModel, ConfigDict

from jaxcollapse.distributions.labels import storable
from jaxcollapse.distributions.learned_text import LearnedText
from jaxcollapse.distributions.ngrams import check_windows
from jaxcollapse.errors import InputError, did_you_mean
from jaxcollapse.limits import MOST_CONTEXTS, MOST_NUMBERS
from jaxcollapse.parts.plugin import Plugin

Logits = Float64[np.ndarray, "*row token"]


@dataclass(frozen=True)
class Distribution:
    """An initial distribution: one row of tokens, or several.

    Attributes:
        logits: unnormalised log-probabilities, [token] or [row, token]; −∞ for impossible tokens.
        labels: names of the tokens; None if they have none.
        coordinates: further names of the tokens, such as the language of a word, by the name of the coordinate.
        rows: names of the rows; None if they have none.
        weights: probability of each row, up to a factor; None if it is not known.
        correct: 1 for each correct token, 0 for all others, [token] or [row, token]; None if they are not known.
        text: the text that a network learns; None if none does.
    """

    logits: Logits
    labels: np.ndarray | None = None
    coordinates: dict[str, np.ndarray] = field(default_factory=dict)
    rows: np.ndarray | None = None
    weights: np.ndarray | None = None
    correct: np.ndarray | None = None
    text: LearnedText | None = None

    @property
    def size(self) -> int:
        """Number of tokens."""
        return self.logits.shape[-1]

    def number_of(self, token: int | str, key: str) -> int:
        """The number of a token, from 0, by its label or by its number.

        Raises:
            InputError: there is no such token; the message names this key of the sweep file.
        """
        if isinstance(token, str):
            labels = [] if self.labels is None else self.labels.tolist()
            if storable(token) not in labels:
                raise InputError(key, f"{token!r} is not a token of p0{did_you_mean(token, labels)}")
            return int(labels.index(storable(token)))
        if token >= self.size:
            raise InputError(key, f"{token}: tokens are numbered from 0 to {self.size - 1}")
        return token


def are_by_row(tokens: Sequence[Any] | None) -> bool:
    """Whether these are lists of tokens, one for each row, rather than one list for all rows."""
    return tokens is not None and isinstance(tokens[0], list)


def token_sets(tokens: Sequence[Any], given: Distribution, key: str) -> np.ndarray:
    """1 for each of these tokens, 0 for all others: [token] of one list, [row, token] of several.

    Raises:
        InputError: there is no such token; the message names this key of the sweep file.
    """
    if are_by_row(tokens):
        return np.stack([token_sets(row, given, key) if row else np.zeros(given.size) for row in tokens])
    found = np.zeros(given.size)
    found[[given.number_of(token, key) for token in tokens]] = 1
    return found


def check_table(rows: int, tokens: int) -> None:
    """Raises `InputError` if a table with so many rows of tokens is too large."""
    if rows > MOST_CONTEXTS or rows * tokens > MOST_NUMBERS:
        told = f"makes a table of {rows} × {tokens} numbers"
        raise InputError(
            "process.initial", f"{told}; at most {MOST_CONTEXTS} rows and {MOST_NUMBERS} numbers are allowed"
        )


class InitialKind(BaseModel, ABC):
    """One kind of initial distribution: `kind` and its own keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    plugin: ClassVar[Plugin | None] = None

    @property
    def takes_vocab_size(self) -> bool:
        """Whether `process.vocab_size` says how many tokens there are, rather than the distribution itself."""
        return True

    @property
    def is_random(self) -> bool:
        """Whether each trajectory draws its own p0."""
        return False

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files that the distribution is read from, as the sweep file writes them."""
        return ()

    def at(self, *paths: str) -> "InitialKind":
        """The same distribution, read from files at these paths."""
        return self

    def input_files(self) -> list[Path]:
        """The files that the distribution is read from.

        Raises:
            InputError: one is of a kind that cannot be read.
        """
        return [Path(path) for path in self.paths]

    @property
    def brings_rows(self) -> bool:
        """Whether it says itself how many rows there are, where a model has several."""
        return False

    def rows(self, vocab_size: int, key: np.ndarray, number: int | None) -> Distribution:
        """Rows for a model that has so many of them, or for each token one if `number` is None.

        Unless a kind has rows of its own, row r of R is p0 shifted by ⌊rV/R⌋ places: each favours other tokens.
        """
        one = self.distribution(vocab_size, key)
        number = one.size if number is None else number
        check_table(number, one.size)
        shifts = np.arange(number) * one.size // number

        def shifted(row: np.ndarray) -> np.ndarray:
            return np.stack([np.roll(row, shift) for shift in shifts])

        return replace(one, logits=shifted(one.logits), correct=None if one.correct is None else shifted(one.correct))

    def windows(self, vocab_size: int, key: np.ndarray, order: int) -> Distribution:
        """Rows for a chain in which each window of `order` tokens, more than one, has a row.

        The rows of shorter windows may come before them. Unless a kind has rows of its own, row r of R is p0 shifted by
        ⌊rV/R⌋ places.
        """
        size = self.distribution(vocab_size, key).size
        check_windows(size, order, "process.order")
        return self.rows(vocab_size, key, size**order)

    def learned(self, contexts: int) -> Distribution:
        """A text to learn, with the shares of its tokens in each of so many rows."""
        raise InputError("process.initial", "has no text for a sequence model to learn; use initial.kind = 'text'")

    @abstractmethod
    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """p0 for `vocab_size` tokens. `key` (raw threefry words) is for kinds that draw one p0 for a whole study."""
