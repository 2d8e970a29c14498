"""The last generation's samples alone."""

from dataclasses import dataclass

from jaxtyping import Array, Int32

from jaxcollapse.training.corpora import CORPORA
from jaxcollapse.training.corpora.corpus import Corpus, Samples, Stored


@CORPORA.adds()
@dataclass(frozen=True)
class Replace(Corpus):
    """Nothing is kept."""

    @property
    def copies(self) -> int:
        """One table: the samples of the current generation."""
        return 1

    def empty(self, start: Samples) -> Stored:
        """None: earlier generations leave nothing to store."""
        return None

    def add(self, stored: Stored, samples: Samples, generation: Int32[Array, ""]) -> tuple[Stored, Samples]:
        """Stores nothing; the corpus is this generation's samples alone."""
        return None, samples

    def generations(self, last: float) -> float:
        """One: the corpus holds the samples of a single generation."""
        return 1
