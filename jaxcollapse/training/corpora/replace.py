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
        """That of the generation."""
        return 1

    def empty(self, start: Samples) -> Stored:
        """Nothing."""
        return None

    def add(self, stored: Stored, samples: Samples, generation: Int32[Array, ""]) -> tuple[Stored, Samples]:
        """The samples take the place of those before."""
        return None, samples

    def generations(self, last: float) -> float:
        """One generation's."""
        return 1
