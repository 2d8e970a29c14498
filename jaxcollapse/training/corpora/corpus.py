"""What corpora have in common.

A finite corpus is a table of counts [context, token]; an infinite one is what traces are drawn from, as logits and how
often each row is visited.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.sampling.mixture import mixture


class Expected(NamedTuple):
    """Infinitely many traces.

    Attributes:
        logits: logits of the law that the tokens of each row follow, [context, token].
        visits: mean number of tokens of a trace that are drawn from each row, [context].
    """

    logits: Float[Array, "*part context token"]
    visits: Float[Array, "*part context"]


Samples = Int32[Array, "context token"] | Expected
Visited = Bool[Array, " context"]
Stored = Any  # None, samples, or several of them


class Corpus(ABC):
    """A rule for what is kept of earlier generations: a frozen dataclass, whose fields are fields of the process.

    Attributes:
        part: the value of the field `corpus` that chooses the rule.
    """

    part: ClassVar[str]

    @property
    def copies(self) -> int:
        """Number of tables of samples in memory, those of the current generation included."""
        return 2

    @abstractmethod
    def empty(self, start: Samples) -> Stored:
        """What is kept before the first generation.

        Args:
            start: samples without weight: no counts; where they are infinitely many, the table of p0.
        """

    @abstractmethod
    def add(self, stored: Stored, samples: Samples, generation: Int32[Array, ""]) -> tuple[Stored, Samples]:
        """Adds samples.

        Args:
            stored: what is kept so far.
            samples: of this generation.
            generation: its number, from 0.

        Returns:
            What to keep, and the whole corpus. Infinitely many samples weigh as much in each generation as in others.
        """

    def generations(self, last: float) -> float:
        """The largest number of generations whose samples the corpus holds in the last of so many."""
        return last


def combined(parts: Expected, shares: Float[Array, " part"]) -> Expected:
    """A mixture of traces: row by row, each part weighs as much as its traces visit the row."""
    weights = shares[:, jnp.newaxis] * parts.visits
    return Expected(mixture(parts.logits, weights), jnp.sum(weights, axis=0))


def log_weights(corpus: Samples, dtype: jax.typing.DTypeLike) -> Float[Array, "context token"]:
    """ln of what share of a corpus each pair of (context, token) has, up to a constant."""
    if not isinstance(corpus, Expected):
        return jnp.log(corpus.astype(dtype))
    if len(corpus.logits) == 1:
        return corpus.logits
    return jax.nn.log_softmax(corpus.logits, axis=-1) + jnp.log(corpus.visits)[:, jnp.newaxis]


def seen(visited: Visited | None, samples: Samples) -> Visited | None:
    """The rows visited so far, with those of these samples."""
    if visited is None:
        return None
    return visited | (samples.visits > 0 if isinstance(samples, Expected) else jnp.any(samples > 0, axis=-1))
