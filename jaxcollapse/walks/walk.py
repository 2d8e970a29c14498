"""What every walk has: the rule by which a trace moves over the rows of a table of logits."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32, Integer

from jaxcollapse.distributions.distribution import Distribution
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.multinomial import Method, multinomial

LEAST = 1e-35  # visits of a row that traces may come to, though floating point would make it zero
Table = Float[Array, "context token"]
Row = Float[Array, " token"]
Visits = Float[Array, " context"]
Counts = Int32[Array, "context token"]
Traces = Int32[Array, "trace position"]
Whole = Integer[Array | np.ndarray | np.integer, "..."]
Contexts = Int32[Array, " trace"]
Drawn = Int32[Array, " trace"]


class Numbers(NamedTuple):
    """How long traces are, and the token that ends one: −1 if none does. Traced, or NumPy's."""

    trace_length: Whole
    end_token: Whole


class Walk(ABC):
    """A walk over `contexts` rows. Frozen dataclasses: what decides shapes and code paths."""

    @property
    @abstractmethod
    def contexts(self) -> int:
        """Rows of the table."""

    @property
    def is_structured(self) -> bool:
        """Whether there is more than one row, so that the number of draws from each is random."""
        return True

    @property
    def is_of_tokens(self) -> bool:
        """Whether a trace is one token."""
        return False

    @property
    def first_context(self) -> int:
        """The first row of those that are a token's context; one before is for what starts a longer trace."""
        return 0 if self.is_of_tokens else 1

    @property
    def losses(self) -> int:
        """How many models are trained, each on the mean over its own tokens."""
        return 1

    def exchanged(self, table: Table, share: Float[Array, ""]) -> Table:
        """What training data are drawn from, if models exchange this share of their samples."""
        return table

    @abstractmethod
    def start(self, given: Distribution, end_token: int) -> np.ndarray:
        """The table of logits that p0 is, from the rows that an initial distribution gives (NumPy)."""

    @abstractmethod
    def names(self, given: Distribution) -> np.ndarray | None:
        """Names of the rows of a table that was made from this, if they need any (NumPy)."""

    def width(self, tokens: int) -> int:
        """Columns of a table of so many tokens: as a rule, one for each."""
        return tokens

    def sampled(self) -> tuple[np.ndarray, np.ndarray]:
        """Which rows [context] a sampling temperature applies to, and which a truncation does: as a rule, all."""
        rows = np.ones(self.contexts, bool)
        return rows, rows

    @abstractmethod
    def sample(
        self,
        key: bits.Key,
        urn: Table,
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
        numbers: Numbers,
    ) -> Counts:
        """Counts over (context, token) of `traces` independent traces, drawn from tokens' weights `urn`."""

    @abstractmethod
    def visits(self, table: Table, numbers: Numbers) -> Visits:
        """How many tokens of a trace are drawn from each row, on average; of those that are trained on."""

    @abstractmethod
    def marginal(self, table: Table, numbers: Numbers) -> Row:
        """ln of the probability of each token, at a place of a trace that is chosen at random."""

    @abstractmethod
    def pairs(self, numbers: Numbers) -> Whole:
        """How many (context, token) pairs a whole trace has."""

    def counted(self) -> np.ndarray:
        """Which rows [context] are trained on: as a rule, all."""
        return np.ones(self.contexts, bool)

    def is_text(self) -> np.ndarray:
        """Which rows [context] have the tokens that a reader of a trace sees: as a rule, all."""
        return np.ones(self.contexts, bool)

    def places(self, numbers: Numbers) -> Whole:
        """How many draws make a whole trace."""
        raise NotImplementedError("a trace of one token has no places")

    def following(self, context: Contexts, token: Drawn, numbers: Numbers) -> Contexts:
        """The row that a trace draws from after this token of this row; −1 after its end. It begins with row 0."""
        raise NotImplementedError("nothing follows a trace of one token")

    def traces(self, key: bits.Key, table: Table, number: int, length: int, numbers: Numbers) -> Traces:
        """Traces of this many tokens, one by one, whatever their usual length; −1 after their end."""
        raise NotImplementedError("a trace of one token is no text")


def urn(table: Table) -> Table:
    """The tokens' weights in each row, at most 1; all zero in a row of no possible token."""
    peak = jnp.max(table, axis=-1, keepdims=True)
    return jnp.exp(table - jnp.where(peak > -jnp.inf, peak, 0))


def draw_rows(key: bits.Key, weights: Table, draws: Int32[Array, " context"], how: Method) -> Counts:
    """Counts of so many draws from each of these rows."""
    keys = jax.vmap(bits.fold_in, in_axes=(None, 0))(key, jnp.arange(len(weights), dtype=jnp.int32))
    return jax.vmap(lambda key, row, number: multinomial(key, row, number, how, jnp.int32(0)))(keys, weights, draws)


def draw_tokens(key: bits.Key, logits: Float[Array, "trace token"]) -> Int32[Array, " trace"]:
    """One token from each of these rows."""
    typed = jax.random.wrap_key_data(key, impl="threefry2x32")
    return jax.random.categorical(typed, logits, axis=-1).astype(jnp.int32)


def padded(logits: np.ndarray, width: int) -> np.ndarray:
    """Rows made as wide as this by impossible tokens."""
    return np.pad(logits, [(0, 0), (0, width - logits.shape[-1])], constant_values=-np.inf)
