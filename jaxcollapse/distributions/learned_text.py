"""A text that a network learns: what is for training, and what is held out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jaxcollapse.errors import InputError

HELD_OUT = 0.1  # of each text, at its end


@dataclass(frozen=True, eq=False)
class LearnedText:
    """One or more texts as numbers of tokens. A window lies within one text.

    Attributes:
        texts: the tokens of each text, in their order [place].
        tokens_in_all: number of different tokens.
        names: of the texts; none has one if there are none.
    """

    texts: Sequence[np.ndarray]
    tokens_in_all: int
    names: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """A digest of the tokens."""
        digest = hashlib.sha256(repr([len(text) for text in self.texts]).encode())
        for text in self.texts:
            digest.update(np.ascontiguousarray(text, "<i4").tobytes())
        return digest.hexdigest()

    @cached_property
    def train(self) -> np.ndarray:
        """What is for training, of one text after the other [place]."""
        return np.concatenate(self.parts_for_training).astype(np.int32)

    @property
    def parts_for_training(self) -> list[np.ndarray]:
        """The tokens of each text that are for training, all but its end."""
        return [text[: _cut(text)] for text in self.texts]

    @property
    def held_out(self) -> list[np.ndarray]:
        """The tokens of each text that are held out."""
        return [text[_cut(text) :] for text in self.texts]

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """How many tokens of each text are for training."""
        return tuple(_cut(text) for text in self.texts)

    def windows(self, random: np.random.Generator, shape: tuple[int, ...], places: int) -> np.ndarray:
        """Windows of so many tokens for training [*shape, place], all of them equally likely."""
        begins = begins_of(self.lengths, places)
        chosen = begins[random.integers(len(begins), size=shape)]
        return self.train[chosen[..., np.newaxis] + np.arange(places)]

    def held_out_windows(self, number: int, places: int) -> np.ndarray:
        """So many windows of held-out tokens [window, place], evenly spaced in each text, the texts in turns."""
        parts = self.held_out
        each = [-(-(number - place) // len(parts)) for place in range(len(parts))]
        found = [
            part[np.linspace(0, len(part) - places, most).astype(int)[:, np.newaxis] + np.arange(places)]
            for part, most in zip(parts, each, strict=True)
            if most > 0
        ]
        turns = [found[place % len(found)][place // len(found)] for place in range(number)]
        return np.array(turns, np.int32)

    def check(self, places: int, key: str) -> None:
        """Raises `InputError`, which names this key, if a text is too short for windows of so many tokens."""
        least = int(np.ceil(places / HELD_OUT))
        for number, text in enumerate(self.texts):
            if len(text) - _cut(text) < places:
                which = "the text" if len(self.texts) == 1 else f"text {number + 1} of {len(self.texts)}"
                told = f"{which} has {len(text)} tokens; a tenth is held out, and windows have {places}"
                raise InputError(key, f"{told}: at least {least} are needed")


def begins_of(lengths: Sequence[int], places: int) -> np.ndarray:
    """Where windows of so many places may begin in texts of these lengths that are laid end to end."""
    ends = np.cumsum(lengths)
    return np.concatenate(
        [np.arange(end - length, end - places + 1) for end, length in zip(ends, lengths, strict=True)]
    ).astype(np.int32)


def _cut(text: np.ndarray) -> int:
    return len(text) - int(len(text) * HELD_OUT)
