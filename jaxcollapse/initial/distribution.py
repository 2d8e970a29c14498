"""A distribution over labelled tokens, and what all kinds of initial distribution have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from pydantic import BaseModel, ConfigDict

Logits = Float64[np.ndarray, " token"]


@dataclass(frozen=True)
class Distribution:
    """logits: unnormalised log-probabilities, −∞ for impossible tokens. labels: the tokens' names, if they have any.

    coordinates: other names of the tokens, such as the language of a word.
    """

    logits: Logits
    labels: np.ndarray | None = None
    coordinates: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.logits)


class InitialKind(BaseModel, ABC):
    """One kind of initial distribution: `kind` and its own keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @property
    def takes_vocab_size(self) -> bool:
        """Whether `process.vocab_size` says how many tokens there are, rather than the distribution itself."""
        return True

    @property
    def is_random(self) -> bool:
        """Whether each trajectory draws its own p0."""
        return False

    def input_file(self) -> Path | None:
        """A file that the distribution is read from."""
        return None

    @abstractmethod
    def distribution(self, vocab_size: int, key: np.ndarray) -> Distribution:
        """p0 for `vocab_size` tokens. `key` (raw threefry words) is for kinds that draw one p0 for a whole study."""
