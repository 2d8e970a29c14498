"""What every walk has: the rule by which a trace moves over the rows of a table of logits."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32, Integer

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.errors import InputError
from jaxcollapse.limits import MOST_CONTEXTS
from jaxcollapse.parts import field_types
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import SLOTS
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.multinomial import Method, multinomial

LEAST = 1e-35  # visits of a row that traces may come to, though floating point would make it zero
Table = Float[Array, "context token"]
Row = Float[Array, " token"]
Visits = Float[Array, " context"]
Prompts = Float[Array, " prompt"]
Laws = Float[Array, "prompt token"]
Counts = Int32[Array, "context token"]
Traces = Int32[Array, "trace position"]
Whole = Integer[Array | np.ndarray | np.integer, "..."]
Contexts = Int32[Array, " trace"]
Drawn = Int32[Array, " trace"]

TRACE_LENGTH = Field(
    name="trace_length",
    type=field_types.Whole,
    default=16,
    description="Persona, Markov: number of tokens L of a trace.",
    label="trace length",
    kind="count",
)
END_TOKEN = Field(
    name="end_token",
    type=field_types.Token | None,
    default=None,
    description="Markov, sequence: token that ends a trace, as a label or an index from 0; by default no token does.",
    label="end token",
    kind="shape",
    is_off=True,
)


class Numbers(NamedTuple):
    """What may vary within a compiled program of a walk: traced numbers, or NumPy's.

    Attributes:
        trace_length: number of tokens of a trace.
        end_token: number of the token that ends a trace; −1 if no token does.
    """

    trace_length: Whole
    end_token: Whole


class Walk(ABC):
    """A walk over `contexts` rows: a frozen dataclass, which decides shapes and code paths.

    Its own attributes are fields of the process; each of their values has a compiled program of its own. The length
    of a trace and the end token may vary within a program, and are passed as `Numbers`.

    Attributes:
        part: the value of the field `model` that chooses the walk.
        is_of_tokens: whether a trace is one token.
        is_structured: whether there is more than one row, so that the number of draws from each row is random.
        first_context: the first row that is a context of tokens; the rows before it start a trace.
        draws_by_place: whether rows are drawn from again at each place of a trace.
        reads: names of fields that the walk reads in addition to its own attributes.
        start_reads: names of fields that its table of p0 depends on; None for its own attributes.
        knows_answers: whether `answers` holds for traces of several tokens.
        learns_text: whether its model is a network that has learned a text, and its rows are probes of that.
    """

    part: ClassVar[str]
    is_of_tokens: ClassVar[bool] = False
    is_structured: ClassVar[bool] = True
    first_context: ClassVar[int] = 0
    draws_by_place: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ("trace_length",)
    start_reads: ClassVar[tuple[str, ...] | None] = None
    knows_answers: ClassVar[bool] = False
    learns_text: ClassVar[bool] = False

    @classmethod
    def given(
        cls, spec: InitialKind, vocab_size: int, key: np.ndarray, values: Mapping[str, Any], asked: Collection[str]
    ) -> Distribution:
        """What an initial distribution gives it: as a rule one row (NumPy).

        Args:
            spec: the initial distribution.
            vocab_size: number of tokens, unless the distribution brings its own.
            key: for distributions that are drawn once for a whole study.
            values: of `start_reads`, by name.
            asked: the fields that the sweep names.

        Raises:
            InputError: the distribution does not suit it.
        """
        return Distribution(np.zeros(vocab_size)) if spec.is_random else spec.distribution(vocab_size, key)

    @classmethod
    def of(cls, rows: int, tokens: int, values: Mapping[str, Any]) -> "Walk":
        """The walk over a table of so many given rows of tokens, with these values of its fields."""
        made: Walk = SLOTS["model"][cls.part].instance(values)
        return made

    @classmethod
    def size(cls, vocab_size: int, values: Mapping[str, Any]) -> int:
        """Number of rows of the table, as far as it is known before there is a table."""
        return cls.of(1, vocab_size, values).contexts

    @classmethod
    def end_token(cls, values: Mapping[str, Any], given: Distribution) -> int:
        """The number of the token that ends a trace; −1 if no token does."""
        return -1

    def narrowed(self, tokens: int) -> "Walk":
        """The same walk over a table without padding."""
        return self

    def __str__(self) -> str:
        return self.part

    @property
    @abstractmethod
    def contexts(self) -> int:
        """Number of rows of the table."""

    @property
    def losses(self) -> int:
        """Number of models that are trained, each on the mean over its own tokens."""
        return 1

    @property
    def learns_start(self) -> bool:
        """Whether what starts a trace is trained; otherwise it is a prompt, and the traces of a group share it."""
        return True

    def exchanged(self, table: Table, share: Float[Array, ""]) -> Table:
        """The table that training data are drawn from, if models exchange this share of their samples."""
        return table

    def start(self, given: Distribution, end_token: int) -> np.ndarray:
        """The table of logits of p0, from the rows of an initial distribution (NumPy): as a rule, one row, repeated."""
        return np.repeat(given.logits[np.newaxis], self.contexts, axis=0)

    def names(self, given: Distribution) -> np.ndarray | None:
        """Names of the rows of a table that was made from this, if they need any (NumPy): as a rule, numbers."""
        return np.arange(self.contexts).astype(str)

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
        """Mean number of tokens of a trace that are drawn from each row and trained on, [context]."""

    def marginal(self, table: Table, numbers: Numbers) -> Row:
        """Logarithm of the probability of each token at a random place of a trace, [token].

        As a rule, rows count as often as they are visited.
        """
        visits = self.visits(table, numbers)
        shares = (visits / jnp.sum(visits))[:, jnp.newaxis]
        return jnp.log(jnp.sum(shares * jax.nn.softmax(table, axis=-1), axis=0))

    def solved(
        self, table: Table, correct: Bool[Array, "context token"], needs: str, numbers: Numbers
    ) -> tuple[Prompts, Prompts]:
        """The weight of each prompt, and the probability that a trace of it is correct.

        As a rule, each row is a prompt, with the weight of its visits, and a trace is one of its tokens. Where a trace
        has several, `needs` says which of them make it correct: "all", "last" or "any".
        """
        p = jnp.where(correct, jax.nn.softmax(table, axis=-1), 0)
        return jnp.where(jnp.asarray(self.is_text()), self.visits(table, numbers), 0), jnp.sum(p, axis=-1)

    def scored(self, table: Table, scores: Table, numbers: Numbers) -> tuple[Prompts, Prompts]:
        """The weight of each prompt, and the mean score of a trace of it.

        The score of a trace is the sum of those of its (context, token) pairs, divided by the number of its tokens. As
        a rule, rows are prompts, as for `solved`; the mean over them also holds for traces of one length.
        """
        weights = jnp.where(jnp.asarray(self.is_text()), self.visits(table, numbers), 0)
        return weights, mean_scores(table, scores)

    def answers(self, table: Table, numbers: Numbers) -> tuple[Prompts, Laws]:
        """The weight of each prompt, and the probabilities of the last token of a trace of it [prompt, token].

        They are known if a trace is one token, or if the walk `knows_answers`.
        """
        return self.visits(table, numbers), jax.nn.softmax(table, axis=-1)

    def token_log_odds(self, solved: Visits, needs: str, numbers: Numbers) -> Visits:
        """Log odds that a token of each row is correct, if `solved` are those that a trace of it is, [context].

        As a rule, they are the same: a trace is one token.
        """
        return solved

    def pairs(self, numbers: Numbers) -> Whole:
        """Number of (context, token) pairs of a whole trace: as a rule, one for each of its tokens."""
        return numbers.trace_length

    def counted(self) -> np.ndarray:
        """Which rows [context] are trained on: all, but for those of a start that is not."""
        return (np.arange(self.contexts) >= self.first_context) | self.learns_start

    def is_text(self) -> np.ndarray:
        """Which rows [context] have the tokens that a reader of a trace sees: as a rule, all."""
        return np.ones(self.contexts, bool)

    def places(self, numbers: Numbers) -> Whole:
        """Number of draws of a whole trace: as a rule, one for each of its tokens."""
        return numbers.trace_length

    def following(self, context: Contexts, token: Drawn, numbers: Numbers) -> Contexts:
        """The row that a trace draws from after this token of this row; −1 after its end. It begins with row 0."""
        raise NotImplementedError("a trace of one token has no next token")

    def traces(self, key: bits.Key, table: Table, number: int, length: int, numbers: Numbers) -> Traces:
        """Traces of this many tokens, one by one, in place of their usual length; −1 after their end."""

        def place(context: Contexts, index: Array) -> tuple[Contexts, Drawn]:
            token = draw_tokens(bits.fold_in(key, index), table[jnp.maximum(context, 0)])
            token = jnp.where(context < 0, -1, token)
            following = self.following(jnp.maximum(context, 0), token, numbers)
            return jnp.where(context < 0, -1, following), token

        start = jnp.zeros(number, jnp.int32)
        return jax.lax.scan(place, start, jnp.arange(length, dtype=jnp.int32))[1].T


def mean_scores(table: Table, scores: Table) -> Visits:
    """The mean score of a token of each row; an impossible token has no part in it, whatever its score."""
    p = jax.nn.softmax(table, axis=-1)
    return jnp.sum(jnp.where(p > 0, p * scores, 0), axis=-1)


def check_rows(given: Distribution) -> Distribution:
    """Raises `InputError` if a distribution has more rows than a table may have."""
    if (number := len(given.logits)) > MOST_CONTEXTS:
        raise InputError("process.initial", f"has {number} rows; at most {MOST_CONTEXTS} are allowed")
    return given


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
