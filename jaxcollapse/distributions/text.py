"""Initial distributions counted from real texts."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.labels import as_names
from jaxcollapse.distributions.learned_text import LearnedText
from jaxcollapse.distributions.ngrams import ngram_rows
from jaxcollapse.distributions.tokenizers import Tokenizer, read_tokens
from jaxcollapse.errors import InputError

_KEY = "process.initial"
OTHER = "(other)"
FilePath = Annotated[str, Field(min_length=1)]


class Text(InitialKind):
    """Tokens of a real text, counted: their shares, or the rows of a chain; of several texts, a row for each.

    Tokens are labelled, and ordered by their shares. A chain reads the text as a circle, in which its beginning follows
    its end: so every token has a next one.
    """

    kind: Literal["text"] = "text"
    path: FilePath | list[FilePath] = Field(
        description="Path of the text, in UTF-8, relative to the sweep file; a list: one persona of each."
    )
    tokenizer: Tokenizer = Field(
        "characters",
        description="What a token is: a character (a Unicode code point), a word or punctuation mark (white "
        "space is left out), or a byte.",
    )
    top: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Keep this many of the most frequent tokens; by default all."
    )
    others: Literal["merged", "dropped"] = Field(
        "merged",
        description="What becomes of tokens that are not among the `top` ones: they become one more token, "
        "`(other)`, or are taken out of the text.",
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        le=1e30,
        description="Pseudo-count that is added to the count of each token, in each row.",
    )
    lowercase: bool = Field(False, description="Whether letters are made lower case first; not for bytes.")

    @model_validator(mode="after")
    def _consistent(self) -> "Text":
        if self.path == []:
            raise ValueError("path is an empty list; name a text")
        if len(set(self.paths)) < len(self.paths):
            raise ValueError("a text is named twice")
        if self.lowercase and self.tokenizer == "bytes":
            raise ValueError("lowercase has no effect on bytes")
        if self.others != "merged" and self.top is None:
            raise ValueError("others has no effect without top")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the texts."""
        return (self.path,) if isinstance(self.path, str) else tuple(self.path)

    def at(self, *paths: str) -> "Text":
        """The same distribution, of texts at these paths."""
        return self.model_copy(update={"path": paths[0] if isinstance(self.path, str) else list(paths)})

    @property
    def takes_vocab_size(self) -> bool:
        """False: the texts, or `top`, say how many tokens there are."""
        return False

    @property
    def brings_rows(self) -> bool:
        """Whether there is a list of texts, each of them a row."""
        return not isinstance(self.path, str)

    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """ln of the tokens' shares; of several texts, of the mean of their shares."""
        labels, texts = self._tokens()
        weights = self._weights(texts, len(labels))
        shares = weights / weights.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            return Distribution(np.log(weights[0] if len(texts) == 1 else shares.mean(axis=0)), as_names(labels))

    def rows(self, vocab_size: int, key: np.ndarray, number: int | None) -> Distribution:
        """A row for each text, or the rows of a chain: the law of its first token, and one for each token before.

        The law of the first token is the share of each token in the text, which is the chain's stationary law unless it
        is smoothed.
        """
        if number is None:
            return self.windows(vocab_size, key, 1)
        if not self.brings_rows:
            return super().rows(vocab_size, key, number)
        labels, texts = self._tokens()
        with np.errstate(divide="ignore"):
            logits = np.log(self._weights(texts, len(labels)))
        names = as_names([Path(path).stem for path in self.paths])
        return Distribution(logits, as_names(labels), rows=names)

    def windows(self, vocab_size: int, key: np.ndarray, order: int) -> Distribution:
        """Rows of a chain, counted."""
        if self.brings_rows:
            told = "a list of texts has a row for each, which are personas; a chain is counted from one text"
            raise InputError(f"{_KEY}.path", f"{told}: give its path alone, or use model = 'persona'")
        labels, (text,) = self._tokens()
        return Distribution(ngram_rows(text, len(labels), order, self.smoothing), as_names(labels))

    def learned(self, contexts: int) -> Distribution:
        """The texts, one after the other, for a network to learn."""
        labels, texts = self._tokens()
        if self.smoothing:
            raise InputError(f"{_KEY}.smoothing", f"{self.smoothing:g} has no effect: a network counts no tokens")
        shares = np.mean([np.bincount(text, minlength=len(labels)) / len(text) for text in texts], axis=0)
        with np.errstate(divide="ignore"):
            rows = np.repeat(np.log(shares)[np.newaxis], contexts, axis=0)
        names = as_names([Path(path).stem for path in self.paths])
        return Distribution(rows, as_names(labels), text=LearnedText(texts, len(labels), tuple(names.tolist())))

    def _weights(self, texts: list[np.ndarray], size: int) -> np.ndarray:
        """Counts of the tokens [text, token], smoothed."""
        return np.stack([np.bincount(text, minlength=size) for text in texts]) + self.smoothing

    def _tokens(self) -> tuple[list[str], list[np.ndarray]]:
        """The labels of the tokens that are kept, and each text as their numbers."""
        read = [read_tokens(Path(path), self.tokenizer, self.lowercase) for path in self.paths]
        known = sorted(set().union(*(each.tokens for each in read)))
        place = {token: number for number, token in enumerate(known)}
        texts = [np.array([place[token] for token in each.tokens])[each.numbers] for each in read]
        shares = np.mean([np.bincount(text, minlength=len(known)) / len(text) for text in texts], axis=0)
        order = np.argsort(-shares, kind="stable")
        if self.top is not None and self.top > len(order):
            what = f"of {len(read)} texts" if self.brings_rows else "of the text"
            raise InputError(f"{_KEY}.top", f"{self.top} is more than the {len(order)} different tokens {what}")
        kept = order[: self.top]
        labels, number = [known[each] for each in kept], np.full(len(known), len(kept))
        number[kept] = np.arange(len(kept))
        texts = [number[text] for text in texts]
        if len(kept) < len(known) and self.others == "merged":
            return [*labels, OTHER], texts
        texts = [text[text < len(kept)] for text in texts]
        for path, text in zip(self.paths, texts, strict=True):
            if not len(text):
                raise InputError(f"{_KEY}.top", f"{self.top}: {Path(path).name!r} has none of these tokens")
        return labels, texts
