"""Real word frequencies, of one language or of several as one vocabulary."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.errors import InputError

_NUMBERS = 5000  # entries of wordfreq that are numbers are fewer: one for each length and separator


class Words(InitialKind):
    """Word frequencies from the package wordfreq (Speer 2022): the `vocab_size` most frequent words of a mixture.

    Tokens are labelled by the word; the coordinate `language` names the language that uses it most. The personas of a
    model are the languages.
    """

    kind: Literal["words"] = "words"
    languages: list[Annotated[str, Field(min_length=1)]] = Field(
        ["en"], min_length=1, description="Language codes, such as en, vi, de."
    )
    weights: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = Field(
        None, description="Weights of the languages; equal by default."
    )

    @model_validator(mode="after")
    def _as_many_weights(self) -> "Words":
        if self.weights is not None and len(self.weights) != len(self.languages):
            raise ValueError(f"weights has {len(self.weights)} values for {len(self.languages)} languages")
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("a language is named twice")
        return self

    @property
    def brings_rows(self) -> bool:
        """True: there is one row for each language."""
        return True

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """ln of the mixed frequencies, in falling order."""
        words, shares = self._shares(vocab_size)
        language = np.array(self.languages)[shares.argmax(axis=0)]
        return Distribution(np.log(shares.sum(axis=0)), words, {"language": language})

    def rows(self, vocab_size: int, key: np.ndarray, number: int | None) -> Distribution:
        """ln of the frequencies in each language, of the words that are most frequent in the mixture of all."""
        if number is None:
            raise InputError(
                "process.initial.kind",
                "'words' has one row per language, not per preceding word; use model = 'persona'",
            )
        words, shares = self._shares(vocab_size)
        language, names = np.array(self.languages)[shares.argmax(axis=0)], np.array(self.languages)
        with np.errstate(divide="ignore"):
            logits = np.log(shares)
        return Distribution(logits, words, {"language": language}, names, self._weights())

    def windows(self, vocab_size: int, key: np.ndarray, order: int) -> Distribution:
        """Rows of languages, which are not those of a chain."""
        return self.rows(vocab_size, key, None)

    def _weights(self) -> np.ndarray:
        weights = np.array(self.weights or [1.0] * len(self.languages))
        return weights / weights.sum()

    def _shares(self, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
        """The most frequent words of the mixture, and [language, word], what each language adds to it."""
        try:
            import wordfreq
            from wordfreq.numbers import has_digit_sequence
        except ImportError:
            raise InputError(
                "process.initial.kind", "words needs the package wordfreq: pip install 'jaxcollapse[words]'"
            ) from None
        known = wordfreq.available_languages("best")
        for language in self.languages:
            if language not in known:
                raise InputError(
                    "process.initial.languages",
                    f"{language!r} is not a language of wordfreq; allowed: {', '.join(sorted(known))}",
                )
        frequencies = [wordfreq.get_frequency_dict(code) for code in self.languages]
        # wordfreq counts all numbers of one length as one entry, "00" or "0000", which is no word.
        words = sorted(word for word in self._candidates(frequencies, vocab_size) if not has_digit_sequence(word))
        if len(words) < vocab_size:
            words = sorted(word for word in set().union(*frequencies) if not has_digit_sequence(word))
        shares = np.array(
            [
                [weight * table.get(word, 0.0) for word in words]
                for table, weight in zip(frequencies, self._weights(), strict=True)
            ]
        )
        total = shares.sum(axis=0)
        order = np.argsort(-total, kind="stable")[:vocab_size]
        if len(order) < vocab_size:
            raise InputError(
                "process.vocab_size",
                f"{vocab_size} is too many: wordfreq has {len(order)} words of {', '.join(self.languages)}",
            )
        return np.array(words)[order], shares[:, order]

    def _candidates(self, frequencies: list[dict[str, float]], vocab_size: int) -> set[str]:
        """Words among which the V most frequent ones of the mixture are, so that not all need to be sorted.

        With n languages, the n M largest shares are of M words or more: the last of them is not more than what any of
        the M most frequent words has in the mixture, and a word that has less than an n-th of it everywhere is not
        one of these. M is V, and more than there are numbers among the words.
        """
        number = len(frequencies)
        shares = [
            np.fromiter(table.values(), float, len(table)) * weight
            for table, weight in zip(frequencies, self._weights(), strict=True)
        ]
        largest, place = np.concatenate(shares), number * (vocab_size + _NUMBERS)
        least = np.partition(largest, -place)[-place] / number if place <= len(largest) else 0.0
        return {
            word
            for table, share in zip(frequencies, shares, strict=True)
            for word, is_frequent in zip(table, (share >= least).tolist(), strict=True)
            if is_frequent
        }
