"""The categorical model: one row of logits; a trace is one token drawn from it."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32

from jaxcollapse.distributions.distribution import Distribution
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.multinomial import Method, multinomial
from jaxcollapse.walks import WALKS
from jaxcollapse.walks.walk import Counts, Numbers, Row, Table, Visits, Walk, Whole


@WALKS.adds()
@dataclass(frozen=True)
class Categorical(Walk):
    """p = softmax(z)."""

    is_of_tokens: ClassVar[bool] = True
    is_structured: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return ""

    @property
    def contexts(self) -> int:
        """Number of rows of the table: one."""
        return 1

    def names(self, given: Distribution) -> np.ndarray | None:
        """None: a single row needs no name."""
        return None

    def sample(
        self,
        key: bits.Key,
        urn: Table,
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
        numbers: Numbers,
    ) -> Counts:
        """Multinomial counts of the tokens of the single row [1, token]."""
        return multinomial(key, urn[0], traces, how, blocks)[jnp.newaxis]

    def visits(self, table: Table, numbers: Numbers) -> Visits:
        """A trace draws one token from the single row."""
        return jnp.ones(1, table.dtype)

    def marginal(self, table: Table, numbers: Numbers) -> Row:
        """Logits of the single row [token]."""
        return table[0]

    def pairs(self, numbers: Numbers) -> Whole:
        """One: a trace is a single token."""
        return jnp.int32(1)
