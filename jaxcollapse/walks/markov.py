"""Markov models: each token of a trace is drawn from the row of the window of the last tokens before it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.ngrams import number_of_windows
from jaxcollapse.errors import InputError
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Order
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.walks import WALKS
from jaxcollapse.walks.stationary import begun
from jaxcollapse.walks.walk import (
    END_TOKEN,
    LEAST,
    TRACE_LENGTH,
    Contexts,
    Counts,
    Drawn,
    Numbers,
    Prompts,
    Row,
    Table,
    Visits,
    Walk,
    Whole,
    check_rows,
    draw_rows,
)
from jaxcollapse.walks.windows import Windows

FirstToken = Literal["learned", "fixed"]
Step = Callable[[int, Array, Any], tuple[Any, Any]]


@WALKS.adds(
    TRACE_LENGTH,
    Field(
        name="order",
        type=Order,
        default=1,
        description="Markov: number k of tokens that the next one depends on; each window of k tokens has a row.",
        label="order of the chain",
        is_off=True,
    ),
    Field(
        name="first_token",
        type=("learned", "fixed"),
        default="learned",
        description="Markov: whether the row of the first token is tempered and trained (learned), or constant "
        "and not in the loss (fixed).",
        label="first token",
        is_off=True,
    ),
    END_TOKEN,
)
@dataclass(frozen=True)
class Markov(Walk):
    """Each row is a window of the last tokens of a trace: row 0 has the first token, row 1 + c the one after c alone.

    A trace stops at the end token, if any.

    tokens: number of tokens of windows; for order 1 the width of the vocabulary, padding included. first_token: a
    learned row, or one that stays as it is. order: tokens of the longest windows.
    """

    tokens: int = field(metadata={"field": None})
    first_token: FirstToken = "learned"
    order: int = 1
    draws_by_place: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("trace_length", "end_token")
    first_context: ClassVar[int] = 1
    start_reads: ClassVar[tuple[str, ...]] = ("end_token", "order")

    @classmethod
    def given(
        cls, spec: InitialKind, vocab_size: int, key: np.ndarray, values: Mapping[str, Any], asked: Collection[str]
    ) -> Distribution:
        """A row for each window of `order` tokens; maybe those of shorter ones, the first token's above all, before."""
        order = values.get("order", 1)
        given = check_rows(spec.rows(vocab_size, key, None) if order == 1 else spec.windows(vocab_size, key, order))
        number, size = len(given.logits), given.size
        if number not in (size**order, number_of_windows(size, order)):
            needs = (
                "a row for each token" if order == 1 else f"{size}^{order} rows, one for each window of {order} tokens"
            )
            raise InputError("process.initial", f"has {number} rows for {size} tokens; it needs {needs}")
        return given

    @classmethod
    def of(cls, rows: int, tokens: int, values: Mapping[str, Any]) -> Walk:
        """Windows of all tokens, padding included, for order 1; else of those that so many rows are for."""
        order = values.get("order", 1)
        if order > 1:
            tokens = next(size for size in range(1, rows + 1) if number_of_windows(size, order) >= rows)
        return cls(tokens, values.get("first_token", "learned"), order)

    @classmethod
    def size(cls, vocab_size: int, values: Mapping[str, Any]) -> int:
        """A row for each window but the one of no token."""
        return number_of_windows(vocab_size, values.get("order", 1)) - 1

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
        return f"Markov{f' of order {self.order}' if self.order > 1 else ''}, first token {self.first_token}"

    @property
    def windows(self) -> Windows:
        """The windows that have rows."""
        return Windows(self.tokens, self.order)

    @property
    def contexts(self) -> int:
        """Number of rows of the table: the start, and one for each window of up to `order` tokens."""
        return self.windows.number

    def start(self, given: Distribution, end_token: int) -> np.ndarray:
        """All rows, as they are given, or begun by the stationary law of the longest windows."""
        windows = Windows(given.size, self.order)
        return given.logits if len(given.logits) == windows.number else begun(given.logits, windows, end_token)

    def names(self, given: Distribution) -> np.ndarray | None:
        """Names of the rows: the start, and the tokens of each window."""
        return Windows(given.size, self.order).names(given)

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
        """Place by place: of all traces at a window, the next tokens are multinomial from that window's row."""
        first = draw_rows(bits.fold_in(key, 0), urn[:1], traces[jnp.newaxis], how)

        def place(length: int, index: Array, here: Array) -> tuple[Array, Array]:
            going_on = jnp.where(self._goes_on(numbers, length), here, 0)
            drawn = draw_rows(bits.fold_in(key, index), urn[self.windows.rows(length)], going_on, how)
            return self.windows.arrivals(drawn, length), drawn

        _, counts = self._along(place, self.windows.arrivals(first, 0), numbers)
        return jnp.concatenate([first if self.learns_start else jnp.zeros_like(first), *counts])

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

    def solved(
        self, table: Table, correct: Bool[Array, "context token"], needs: str, numbers: Numbers
    ) -> tuple[Prompts, Prompts]:
        """First tokens are prompts if they are fixed; else there is one prompt.

        Followed place by place: traces at each window that would be correct if they ended there, and those that would
        not, by prompt.
        """
        first, laws, windows = jax.nn.softmax(table[0]), self._laws(table), self.windows
        masses = first[jnp.newaxis] if self.learns_start else jnp.diag(first)
        is_no_end = (jnp.arange(table.shape[1], dtype=jnp.int32) != numbers.end_token)[jnp.newaxis]

        def after(right: Array, wrong: Array, is_right: Array, step: Callable[[Array, Array], Array]) -> list[Array]:
            """Traces with one more token: those that are right then, and those that are wrong."""
            is_answer = is_right & is_no_end
            stays = {"all": is_right, "last": is_right | ~is_no_end, "any": jnp.ones_like(is_right)}[needs]
            turns = jnp.zeros_like(is_right) if needs == "all" else is_answer
            return [
                step(right, to.astype(table.dtype)) + step(wrong, other.astype(table.dtype))
                for to, other in ((stays, turns), (~stays, ~turns))
            ]

        def place(length: int, _: Array, carry: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array, Array], Any]:
            right, wrong, ended = carry
            goes_on, chain = self._goes_on(numbers, length)[jnp.newaxis], laws[length]
            ended = ended + jnp.sum(jnp.where(goes_on, 0, right), axis=-1)
            right, wrong = jnp.where(goes_on, right, 0), jnp.where(goes_on, wrong, 0)
            is_right = correct[windows.rows(length)]
            right, wrong = after(right, wrong, is_right, lambda here, share: self._moved(here, chain * share, length))
            return (right, wrong, ended), ()

        nothing, is_all = jnp.zeros_like(masses), needs == "all"  # of no tokens all are correct
        right, wrong = (masses, nothing) if is_all else (nothing, masses)
        right, wrong = (each[:, : self.tokens] for each in after(right, wrong, correct[:1], jnp.multiply))
        carry = right, wrong, jnp.zeros(len(masses), table.dtype)
        (right, _, ended), _ = self._along(place, carry, numbers)
        weights = jnp.sum(masses, axis=-1)
        solved = (jnp.sum(right, axis=-1) + ended) / jnp.where(weights > 0, weights, 1)
        return weights, jnp.minimum(solved, 1)

    def scored(self, table: Table, scores: Table, numbers: Numbers) -> tuple[Prompts, Prompts]:
        """The weights and mean scores of prompts, which are those of `solved`.

        Followed place by place: the mass of traces at each window, and the mean of their scores so far times this mass,
        by prompt.
        """
        first, laws, windows = jax.nn.softmax(table[0]), self._laws(table), self.windows
        masses = first[jnp.newaxis] if self.learns_start else jnp.diag(first)
        gains = [jnp.where(law > 0, law * scores[windows.rows(length)], 0) for length, law in enumerate(laws)]

        def place(
            length: int, index: Array, carry: tuple[Array, Array, Array]
        ) -> tuple[tuple[Array, Array, Array], Any]:
            mass, total, ended = carry
            goes_on, chain = self._goes_on(numbers, length), laws[length]
            ended = ended + jnp.sum(jnp.where(goes_on, 0, total), axis=-1) / index.astype(table.dtype)
            mass, total = jnp.where(goes_on, mass, 0), jnp.where(goes_on, total, 0)
            gained = self._moved(total, chain, length) + self._moved(mass, gains[length], length)
            return (self._moved(mass, chain, length), gained, ended), ()

        start = masses, jnp.where(masses > 0, masses * scores[:1], 0)
        carry = *(each[:, : self.tokens] for each in start), jnp.zeros(len(masses), table.dtype)
        (_, total, ended), _ = self._along(place, carry, numbers)
        weights, length = jnp.sum(masses, axis=-1), jnp.asarray(numbers.trace_length, table.dtype)
        return weights, (jnp.sum(total, axis=-1) / length + ended) / jnp.where(weights > 0, weights, 1)

    def pairs(self, numbers: Numbers) -> Whole:
        """The trace length; one less if the first token is not trained on."""
        return numbers.trace_length - (0 if self.learns_start else 1)

    def places(self, numbers: Numbers) -> Whole:
        """The trace length: one draw for each token."""
        return numbers.trace_length

    def following(self, context: Contexts, token: Drawn, numbers: Numbers) -> Contexts:
        """The row of the window that ends with the token that was drawn; −1 after the end token."""
        return jnp.where(token == numbers.end_token, -1, self.windows.following(context, token))

    def _laws(self, table: Table) -> list[Array]:
        """Probabilities of the next token after the windows of each length."""
        first = jax.nn.softmax(table[0])[jnp.newaxis]
        longer = (table[self.windows.rows(length)] for length in range(1, self.order + 1))
        return [first, *(jax.nn.softmax(rows, axis=-1) for rows in longer)]

    def _along(self, step: Step, carry: Any, numbers: Numbers) -> tuple[Any, list[Any]]:
        """Goes along traces from their second token on, with windows of one length after the other.

        Args:
            step: takes the length of the windows, the place and the carry; returns the next carry, and what it finds.
            carry: of traces of one token.
            numbers: the length of traces, and their end token.

        Returns:
            The last carry, and what the steps find, added up over the places of each length of windows.
        """
        found = []
        for length in range(1, self.order):
            carry, out = step(length, jnp.int32(length), carry)
            found.append(out)
        last = partial(step, self.order)
        shapes = jax.eval_shape(last, jnp.int32(self.order), carry)[1]
        nothing = jax.tree.map(lambda each: jnp.zeros(each.shape, each.dtype), shapes)

        def place(index: Array, state: tuple[Any, Any]) -> tuple[Any, Any]:
            carry, out = last(index, state[0])
            return carry, jax.tree.map(jnp.add, state[1], out)

        carry, total = jax.lax.fori_loop(self.order, numbers.trace_length, place, (carry, nothing))
        return carry, [*found, total]

    def _moved(
        self, here: Float[Array, "*prompt window"], chain: Float[Array, "window token"], length: int
    ) -> Float[Array, "*prompt next"]:
        """Where traces at windows of a length are after one more token."""
        if length == self.order == 1:
            return jnp.matmul(here, chain, precision=jax.lax.Precision.HIGHEST)
        of_each = jnp.expand_dims(chain, tuple(range(here.ndim - 1)))
        return self.windows.arrivals(here[..., jnp.newaxis] * of_each, length)

    def _places(self, table: Table, numbers: Numbers) -> tuple[Float[Array, " token"], Float[Array, " window"]]:
        """How often a trace is at each token, and how often it goes on from each window of one token or more."""
        laws, width = self._laws(table), table.shape[1]
        first = laws[0][0]

        def place(length: int, _: Array, carry: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
            here, occupied = carry
            here = jnp.where(self._goes_on(numbers, length), here, 0)
            following = self._moved(here, laws[length], length)
            return (following, occupied + self._at_tokens(following, width)), here

        (_, occupied), drawn_from = self._along(place, (first[: self.tokens], first), numbers)
        return occupied, jnp.concatenate(drawn_from)

    def _at_tokens(self, here: Float[Array, " window"], width: int) -> Row:
        """What is at windows, by their last token."""
        by_token = here if len(here) == self.tokens else jnp.sum(here.reshape(-1, self.tokens), axis=0)
        return jnp.pad(by_token, (0, width - self.tokens))

    def _goes_on(self, numbers: Numbers, length: int) -> Bool[Array, " window"]:
        """Windows of a length that do not end a trace; those that are shorter than `order` do at the trace's length."""
        goes_on = jnp.asarray(self.windows.last_tokens(length)) != numbers.end_token
        return goes_on & (length < numbers.trace_length) if length < self.order else goes_on

    def _reached(self, table: Table, numbers: Numbers) -> Bool[Array, " window"]:
        """Windows of one token or more that a trace may go on from."""
        follows = table > -jnp.inf

        def place(length: int, _: Array, here: Array) -> tuple[Array, Array]:
            here = here & self._goes_on(numbers, length)
            following = self.windows.reached(here[:, jnp.newaxis] & follows[self.windows.rows(length)], length)
            return following, here.astype(jnp.int32)

        _, reached = self._along(place, follows[0, : self.tokens], numbers)
        return jnp.concatenate(reached) > 0
