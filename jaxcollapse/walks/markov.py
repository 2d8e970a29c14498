"""The Markov model of order 1: each token of a trace is drawn from the row of the token before it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.labels import as_names
from jaxcollapse.errors import InputError
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Token
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.walks import WALKS
from jaxcollapse.walks.walk import (
    LEAST,
    TRACE_LENGTH,
    Contexts,
    Counts,
    Drawn,
    Numbers,
    Prompts,
    Row,
    Table,
    Traces,
    Visits,
    Walk,
    Whole,
    check_rows,
    draw_rows,
    draw_tokens,
)

FirstToken = Literal["learned", "fixed"]
_ELIMINATED = (
    64  # states of a chain that are eliminated together: a product of matrices for all that they add elsewhere
)


@WALKS.adds(
    TRACE_LENGTH,
    Field(
        name="first_token",
        type=("learned", "fixed"),
        default="learned",
        description="Markov: whether the row of the first token is tempered and trained (learned), or constant "
        "and not in the loss (fixed).",
        label="first token",
        is_off=True,
    ),
    Field(
        name="end_token",
        type=Token | None,
        default=None,
        description="Markov: token that ends a trace, as a label or an index from 0; by default no token does.",
        label="end token",
        kind="shape",
        is_off=True,
    ),
)
@dataclass(frozen=True)
class Markov(Walk):
    """Row 0 has the first token of a trace, row 1 + c the token after c. A trace stops at the end token, if any.

    tokens: width of the vocabulary, padding included. first_token: a learned row, or one that stays as it is.
    """

    tokens: int = field(metadata={"field": None})
    first_token: FirstToken = "learned"
    draws_by_place: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("trace_length", "end_token")
    first_context: ClassVar[int] = 1
    start_reads: ClassVar[tuple[str, ...]] = ("end_token",)

    @classmethod
    def given(
        cls, spec: InitialKind, vocab_size: int, key: np.ndarray, values: Mapping[str, Any], asked: Collection[str]
    ) -> Distribution:
        """A row for each token; maybe one more, of the first token, above them."""
        given = check_rows(spec.rows(vocab_size, key, None))
        number, size = len(given.logits), given.size
        if number not in (size, size + 1):
            told = f"has {number} rows for {size} tokens; it needs a row for each token"
            raise InputError("process.initial", told)
        return given

    @classmethod
    def of(cls, rows: int, tokens: int, values: Mapping[str, Any]) -> Walk:
        """A row for each token, padding included."""
        return cls(tokens, values.get("first_token", "learned"))

    @classmethod
    def size(cls, vocab_size: int, values: Mapping[str, Any]) -> int:
        """A row for each token."""
        return vocab_size

    @classmethod
    def end_token(cls, values: Mapping[str, Any], given: Distribution) -> int:
        """The number of the end token, found by its label or its number; −1 if no token ends a trace."""
        token: int | str | None = values["end_token"]
        return -1 if token is None else given.number_of(token, "process.end_token")

    @property
    def learns_start(self) -> bool:
        """Whether the first token is learned; a fixed one is a prompt."""
        return self.first_token == "learned"

    def narrowed(self, tokens: int) -> Walk:
        """The same walk over a vocabulary of this many tokens."""
        return replace(self, tokens=tokens)

    def __str__(self) -> str:
        return f"Markov, first token {self.first_token}"

    @property
    def contexts(self) -> int:
        """Number of rows of the table: the start, and one for each token."""
        return 1 + self.tokens

    def start(self, given: Distribution, end_token: int) -> np.ndarray:
        """Rows below the law of the first token: the chain's stationary one, without the end token if there is one.

        Then the chain is one whose traces start again after their end.
        """
        rows = given.logits
        if len(rows) == given.size + 1:  # the law of the first token is given, too
            return rows
        chain = np.exp(rows - rows.max(axis=1, keepdims=True))
        chain /= chain.sum(axis=1, keepdims=True)
        possible = np.arange(given.size) != end_token
        if end_token >= 0:
            chain[end_token] = possible / max(1, possible.sum())
        with np.errstate(divide="ignore"):
            first = np.log(np.where(possible, stationary(chain), 0))
        return np.concatenate([first[np.newaxis], rows])

    def names(self, given: Distribution) -> np.ndarray | None:
        """Names of the rows: the start, and the tokens."""
        tokens = np.arange(given.size) if given.labels is None else given.labels
        return as_names(["(start)", *tokens.astype(str)])

    def sampled(self) -> tuple[np.ndarray, np.ndarray]:
        """All rows, but for a fixed start, by both."""
        return self.counted(), self.counted()

    def sample(
        self,
        key: bits.Key,
        urn: Table,
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
        numbers: Numbers,
    ) -> Counts:
        """Place by place: of all traces that are at a token, the next ones are multinomial from that token's row."""
        first = draw_rows(bits.fold_in(key, 0), urn[:1], traces[jnp.newaxis], how)
        goes_on = self._goes_on(numbers)

        def place(index: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            counts, here = carry
            drawn = draw_rows(bits.fold_in(key, index), urn[1:], jnp.where(goes_on, here, 0), how)
            return counts + drawn, jnp.sum(drawn, axis=0, dtype=jnp.int32)

        nothing = jnp.zeros(urn[1:].shape, jnp.int32)
        counts, _ = jax.lax.fori_loop(1, numbers.trace_length, place, (nothing, first[0]))
        return jnp.concatenate([first if self.learns_start else jnp.zeros_like(first), counts])

    def visits(self, table: Table, numbers: Numbers) -> Visits:
        """Where traces are, on average, when they go on; more than zero wherever they may be, however unlikely."""
        _, drawn_from = self._places(table, numbers)
        drawn_from = jnp.where(self._reached(table, numbers), jnp.maximum(drawn_from, LEAST), 0)
        first = jnp.full(1, self.learns_start, table.dtype)
        return jnp.concatenate([first, drawn_from])

    def marginal(self, table: Table, numbers: Numbers) -> Row:
        """The law of a token at a random place of a trace."""
        occupied, _ = self._places(table, numbers)
        return jnp.log(occupied / jnp.sum(occupied))

    def _places(self, table: Table, numbers: Numbers) -> tuple[Float[Array, " token"], Float[Array, " token"]]:
        """How often a trace is at each token, and how often it goes on from there."""
        first, chain = jax.nn.softmax(table[0]), jax.nn.softmax(table[1:], axis=-1)
        goes_on = self._goes_on(numbers)

        def place(_: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            here, occupied, drawn_from = carry
            here = jnp.where(goes_on, here, 0)
            following = jnp.matmul(here, chain, precision=jax.lax.Precision.HIGHEST)
            return following, occupied + following, drawn_from + here

        carry = (first, first, jnp.zeros_like(first))
        _, occupied, drawn_from = jax.lax.fori_loop(1, numbers.trace_length, place, carry)
        return occupied, drawn_from

    def _goes_on(self, numbers: Numbers) -> Bool[Array, " token"]:
        """Tokens that do not end a trace."""
        return jnp.arange(self.tokens, dtype=jnp.int32) != numbers.end_token

    def _reached(self, table: Table, numbers: Numbers) -> Bool[Array, " token"]:
        """Tokens that a trace may go on from."""
        goes_on = self._goes_on(numbers)
        follows = table[1:] > -jnp.inf

        def place(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            here, reached = carry
            here = here & goes_on
            return jnp.any(here[:, jnp.newaxis] & follows, axis=0), reached | here

        carry = (table[0] > -jnp.inf, jnp.zeros(self.tokens, bool))
        return jax.lax.fori_loop(1, numbers.trace_length, place, carry)[1]

    def solved(
        self, table: Table, correct: Bool[Array, "context token"], needs: str, numbers: Numbers
    ) -> tuple[Prompts, Prompts]:
        """First tokens are prompts if they are fixed; else there is one prompt.

        Followed place by place: traces at each token that would be correct if they ended there, and those that would
        not, by prompt.
        """
        first, chain = jax.nn.softmax(table[0]), jax.nn.softmax(table[1:], axis=-1)
        masses = first[jnp.newaxis] if self.learns_start else jnp.diag(first)
        goes_on = self._goes_on(numbers)[jnp.newaxis]

        def after(right: Array, wrong: Array, is_right: Array, step: Callable[[Array, Array], Array]) -> list[Array]:
            """Traces with one more token: those that are right then, and those that are wrong."""
            is_answer = is_right & goes_on
            stays = {"all": is_right, "last": is_right | ~goes_on, "any": jnp.ones_like(is_right)}[needs]
            turns = jnp.zeros_like(is_right) if needs == "all" else is_answer
            return [
                step(right, to.astype(table.dtype)) + step(wrong, other.astype(table.dtype))
                for to, other in ((stays, turns), (~stays, ~turns))
            ]

        def place(_: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            right, wrong, ended = carry
            ended = ended + jnp.sum(jnp.where(goes_on, 0, right), axis=-1)
            right, wrong = jnp.where(goes_on, right, 0), jnp.where(goes_on, wrong, 0)
            right, wrong = after(right, wrong, correct[1:], lambda here, share: exact(here, chain * share))
            return right, wrong, ended

        exact, nothing = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST), jnp.zeros_like(masses)
        is_all = needs == "all"  # of no tokens all are correct
        right, wrong = (masses, nothing) if is_all else (nothing, masses)
        right, wrong = after(right, wrong, correct[:1], jnp.multiply)
        carry = right, wrong, jnp.zeros(len(masses), table.dtype)
        right, _, ended = jax.lax.fori_loop(1, numbers.trace_length, place, carry)
        weights = jnp.sum(masses, axis=-1)
        solved = (jnp.sum(right, axis=-1) + ended) / jnp.where(weights > 0, weights, 1)
        return weights, jnp.minimum(solved, 1)

    def scored(self, table: Table, scores: Table, numbers: Numbers) -> tuple[Prompts, Prompts]:
        """The weights and mean scores of prompts, which are those of `solved`.

        Followed place by place: the mass of traces at each token, and the mean of their scores so far times this mass,
        by prompt.
        """
        first, chain = jax.nn.softmax(table[0]), jax.nn.softmax(table[1:], axis=-1)
        masses = first[jnp.newaxis] if self.learns_start else jnp.diag(first)
        goes_on, exact = self._goes_on(numbers), partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
        gains = jnp.where(chain > 0, chain * scores[1:], 0)

        def place(index: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            mass, total, ended = carry
            ended = ended + jnp.sum(jnp.where(goes_on, 0, total), axis=-1) / index.astype(table.dtype)
            mass, total = jnp.where(goes_on, mass, 0), jnp.where(goes_on, total, 0)
            return exact(mass, chain), exact(total, chain) + exact(mass, gains), ended

        carry = masses, jnp.where(masses > 0, masses * scores[:1], 0), jnp.zeros(len(masses), table.dtype)
        _, total, ended = jax.lax.fori_loop(1, numbers.trace_length, place, carry)
        weights, length = jnp.sum(masses, axis=-1), jnp.asarray(numbers.trace_length, table.dtype)
        return weights, (jnp.sum(total, axis=-1) / length + ended) / jnp.where(weights > 0, weights, 1)

    def pairs(self, numbers: Numbers) -> Whole:
        """The trace length; one less if the first token is not trained on."""
        return numbers.trace_length - (0 if self.learns_start else 1)

    def places(self, numbers: Numbers) -> Whole:
        """The trace length: one draw for each token."""
        return numbers.trace_length

    def following(self, context: Contexts, token: Drawn, numbers: Numbers) -> Contexts:
        """The row of the token that was drawn; −1 after the end token."""
        return jnp.where(token == numbers.end_token, -1, 1 + token)

    def traces(self, key: bits.Key, table: Table, number: int, length: int, numbers: Numbers) -> Traces:
        """Each token from the row of the one before; −1 after the end token."""
        first = draw_tokens(bits.fold_in(key, 0), jnp.broadcast_to(table[0], (number, self.tokens)))

        def place(here: Array, index: Array) -> tuple[Array, Array]:
            drawn = draw_tokens(bits.fold_in(key, index), table[1 + jnp.maximum(here, 0)])
            following = jnp.where((here < 0) | (here == numbers.end_token), -1, drawn)
            return following, following

        _, rest = jax.lax.scan(place, first, jnp.arange(1, length, dtype=jnp.int32))
        return jnp.concatenate([first[jnp.newaxis], rest]).T


def stationary(chain: np.ndarray) -> np.ndarray:
    """The stationary law of a chain [from, to]: the mean over a long time, from a uniform start if it has several.

    By elimination of states one after the other, without a subtraction, so that each probability is right to its last
    digits (Grassmann, Taksar, Heyman 1985). A chain that can be stuck is restarted once in 1e30 steps.
    """
    work = np.asarray(chain, float) + 1e-30
    size = len(work)
    for stop in range(size, 0, -_ELIMINATED):
        start = max(0, stop - _ELIMINATED)
        for state in range(stop - 1, max(start, 1) - 1, -1):
            work[:state, state] /= work[state, :state].sum()
            work[start:state, :state] += np.outer(work[start:state, state], work[state, :state])
            work[:start, start:state] += np.outer(work[:start, state], work[state, start:state])
        work[:start, :start] += work[:start, start:stop] @ work[start:stop, :start]
    law = np.zeros(size)
    law[0] = 1
    for state in range(1, size):
        law[state] = law[:state] @ work[:state, state]
    return law / law.sum()
