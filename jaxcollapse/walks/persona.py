"""The persona model: a trace chooses a persona, once, and draws all of its tokens from that persona's row."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.distributions.distribution import Distribution, InitialKind
from jaxcollapse.distributions.labels import as_names
from jaxcollapse.errors import InputError
from jaxcollapse.parts.cell_kinds import of_initial
from jaxcollapse.parts.field import Answer, AskedCells, Field, When
from jaxcollapse.parts.field_types import Whole
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.walks import WALKS
from jaxcollapse.walks.walk import (
    LEAST,
    TRACE_LENGTH,
    Contexts,
    Counts,
    Drawn,
    Laws,
    Numbers,
    Prompts,
    Row,
    Table,
    Traces,
    Visits,
    Walk,
    check_rows,
    draw_rows,
    draw_tokens,
    mean_scores,
    padded,
)
from jaxcollapse.walks.walk import Whole as Number

TemperatureOn = Literal["both", "chooser", "tokens"]
Chooser = Literal["learned", "fixed"]
_SURE = 15.0  # log odds from which on −ln p is e^−(log odds), to a relative 10⁻⁷


def _brings_no_rows(cells: AskedCells) -> Answer:
    return cells.has("model", "persona") & ~of_initial(cells, lambda spec: spec.brings_rows)


def _brings_no_weights(cells: AskedCells) -> Answer:
    return cells.has("model", "persona") & of_initial(cells, lambda spec: getattr(spec, "weights", None) is None)


@WALKS.adds(
    TRACE_LENGTH,
    Field(
        name="personas",
        type=Whole,
        default=4,
        description="Persona: number of personas, unless the initial distribution has its own.",
        label="number of personas",
        kind="shape",
        when=When(
            "with model = 'persona', unless the initial distribution has its own personas (words, table)",
            _brings_no_rows,
        ),
    ),
    Field(
        name="persona_exponent",
        type=float,
        default=0.0,
        description="Persona: the initial masses of the personas are ∝ 1 / rank^exponent, unless p0 has its own.",
        label="exponent of the masses of personas",
        limits={"ge": -100, "le": 100},
        kind="shape",
        is_off=True,
        when=When(
            "with model = 'persona', unless the initial distribution has its own weights (words)",
            _brings_no_weights,
        ),
    ),
    Field(
        name="temperature_on",
        type=("both", "chooser", "tokens"),
        default="both",
        description="Persona: distributions that the sampling temperature applies to.",
        label="what the temperature applies to",
        is_off=True,
    ),
    Field(
        name="chooser",
        type=("learned", "fixed"),
        default="learned",
        description="Persona: whether the choice of a persona is tempered and trained (learned), or constant and not "
        "in the loss (fixed): personas are then prompts, and a group of a policy gradient answers one of them.",
        label="choice of a persona",
        is_off=True,
    ),
)
@dataclass(frozen=True)
class Persona(Walk):
    """Row 0 is the chooser, whose first `personas` "tokens" are the personas; row 1 + k has the tokens of persona k.

    temperature_on: the rows that the sampling temperature applies to. chooser: a learned row, or one that stays as it
    is.
    """

    personas: int
    temperature_on: TemperatureOn = "both"
    chooser: Chooser = "learned"
    first_context: ClassVar[int] = 1
    knows_answers: ClassVar[bool] = True
    start_reads: ClassVar[tuple[str, ...]] = ("personas", "persona_exponent")

    @classmethod
    def given(
        cls, spec: InitialKind, vocab_size: int, key: np.ndarray, values: Mapping[str, Any], asked: Collection[str]
    ) -> Distribution:
        """A row for each persona, with their masses."""
        given = check_rows(spec.rows(vocab_size, key, values["personas"]))
        number = len(given.logits)
        if "personas" in asked and number != values["personas"]:
            raise InputError("process.personas", f"{values['personas']}: p0 has {number} rows")
        if given.weights is None:
            given = replace(given, weights=np.arange(1.0, number + 1) ** -values["persona_exponent"])
        return given

    @classmethod
    def of(cls, rows: int, tokens: int, values: Mapping[str, Any]) -> Walk:
        """A persona for each row."""
        return cls(rows, values.get("temperature_on", "both"), values.get("chooser", "learned"))

    @classmethod
    def size(cls, vocab_size: int, values: Mapping[str, Any]) -> int:
        """A row for each persona."""
        return int(values["personas"])

    def __str__(self) -> str:
        on = self.temperature_on
        return f"{self.personas} personas, " + (f"temperature on {on}" if self.learns_start else "chooser fixed")

    @property
    def learns_start(self) -> bool:
        """Whether the choice of a persona is learned; with a fixed one, personas are prompts."""
        return self.chooser == "learned"

    @property
    def contexts(self) -> int:
        """Number of rows of the table: the chooser, and one for each persona."""
        return 1 + self.personas

    def start(self, given: Distribution, end_token: int) -> np.ndarray:
        """Personas of these weights, equal ones by default, above their rows."""
        weights = np.ones(self.personas) if given.weights is None else given.weights
        width = self.width(given.size)
        return np.concatenate([padded(np.log(weights)[np.newaxis], width), padded(given.logits, width)])

    def width(self, tokens: int) -> int:
        """Columns of the table: as many as the longer row needs, the chooser's or one of tokens."""
        return max(tokens, self.personas)

    def names(self, given: Distribution) -> np.ndarray | None:
        """Names of the rows: the chooser's, and those of the personas."""
        personas = np.arange(self.personas) if given.rows is None else given.rows
        return as_names(["(persona)", *personas.astype(str)])

    def sampled(self) -> tuple[np.ndarray, np.ndarray]:
        """Which rows `temperature_on` lets the temperature apply to; truncation applies to rows of tokens."""
        is_chooser = np.arange(self.contexts) == 0
        tempered = {"both": np.ones(self.contexts, bool), "chooser": is_chooser, "tokens": ~is_chooser}
        return tempered[self.temperature_on] & self.counted(), ~is_chooser

    def sample(
        self,
        key: bits.Key,
        urn: Table,
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
        numbers: Numbers,
    ) -> Counts:
        """Personas of traces are multinomial; given how many each has, so are the tokens of all of them."""
        chosen = draw_rows(bits.fold_in(key, 0), urn[:1], traces[jnp.newaxis], how)
        tokens = chosen[0, : self.personas] * numbers.trace_length
        drawn = draw_rows(bits.fold_in(key, 1), urn[1:], tokens, how)
        return jnp.concatenate([chosen if self.learns_start else jnp.zeros_like(chosen), drawn])

    def visits(self, table: Table, numbers: Numbers) -> Visits:
        """A learned chooser once; a persona as often as it is chosen, times a trace's length; never 0 if it may be."""
        mass = jax.nn.softmax(table[0])
        mass = jnp.where(table[0] > -jnp.inf, jnp.maximum(mass, LEAST), 0)[: self.personas]
        first = jnp.full(1, self.learns_start, table.dtype)
        return jnp.concatenate([first, mass * numbers.trace_length.astype(table.dtype)])

    def marginal(self, table: Table, numbers: Numbers) -> Row:
        """Logarithms of the mixture of the personas' distributions [token]."""
        log_mass = jax.nn.log_softmax(table[0])[: self.personas, jnp.newaxis]
        return jax.nn.logsumexp(log_mass + jax.nn.log_softmax(table[1:], axis=-1), axis=0)

    def solved(
        self, table: Table, correct: Bool[Array, "context token"], needs: str, numbers: Numbers
    ) -> tuple[Prompts, Prompts]:
        """Personas are prompts if their choice is fixed; else there is one prompt, for which a persona is chosen."""
        masses = jax.nn.softmax(table[0])[: self.personas]
        solved = self.solved_by_each(table, correct, needs, numbers)
        if self.learns_start:
            return jnp.ones(1, table.dtype), jnp.sum(masses * solved, keepdims=True)
        return masses, solved

    def solved_by_each(
        self, table: Table, correct: Bool[Array, "context token"], needs: str, numbers: Numbers
    ) -> Float[Array, " persona"]:
        """The probability that a trace of each persona is correct; see `solved`."""
        p = jnp.where(correct[1:], jax.nn.softmax(table[1:], axis=-1), 0)
        one, length = jnp.minimum(jnp.sum(p, axis=-1), 1), numbers.trace_length.astype(table.dtype)
        several = {"all": one**length, "last": one, "any": -jnp.expm1(length * jnp.log1p(-one))}
        return several[needs]

    def scored(self, table: Table, scores: Table, numbers: Numbers) -> tuple[Prompts, Prompts]:
        """The weights and mean scores of prompts, which are those of `solved`."""
        masses = jax.nn.softmax(table[0])[: self.personas]
        means = self.scored_by_each(table, scores, numbers)
        if self.learns_start:
            return jnp.ones(1, table.dtype), jnp.sum(masses * means, keepdims=True)
        return masses, means

    def scored_by_each(self, table: Table, scores: Table, numbers: Numbers) -> Float[Array, " persona"]:
        """The mean score of a trace of each persona: of its tokens, and of the choice of this persona."""
        length = jnp.asarray(numbers.trace_length, table.dtype)
        return mean_scores(table[1:], scores[1:]) + scores[0, : self.personas] / length

    def answers(self, table: Table, numbers: Numbers) -> tuple[Prompts, Laws]:
        """A token of the persona that is the prompt; or of any, if a persona is chosen for each trace."""
        masses, rows = jax.nn.softmax(table[0])[: self.personas], jax.nn.softmax(table[1:], axis=-1)
        if self.learns_start:
            return jnp.ones(1, table.dtype), jnp.sum(masses[:, jnp.newaxis] * rows, axis=0, keepdims=True)
        return masses, rows

    def token_log_odds(self, solved: Visits, needs: str, numbers: Numbers) -> Visits:
        """The inverse of `solved_by_each`."""
        length = jnp.asarray(numbers.trace_length, solved.dtype)
        several = {"all": _root(solved, length), "last": solved, "any": -_root(-solved, length)}
        return several[needs]

    def pairs(self, numbers: Numbers) -> Number:
        """The choice of a persona if it is trained, and the tokens of the trace."""
        return (1 if self.learns_start else 0) + numbers.trace_length

    def is_text(self) -> np.ndarray:
        """Rows of tokens [context]: all except the chooser."""
        return np.arange(self.contexts) > 0

    def places(self, numbers: Numbers) -> Number:
        """One draw for the persona, and one for each token."""
        return 1 + numbers.trace_length

    def following(self, context: Contexts, token: Drawn, numbers: Numbers) -> Contexts:
        """The row of the persona that was chosen, which stays the same until the end."""
        return jnp.where(context == 0, 1 + token, context)

    def traces(self, key: bits.Key, table: Table, number: int, length: int, numbers: Numbers) -> Traces:
        """Traces of this many tokens, each drawn from one randomly chosen persona."""
        chooser = jnp.broadcast_to(table[0], (number, table.shape[-1]))
        persona = draw_tokens(bits.fold_in(key, 0), chooser)
        rows = jnp.repeat(table[1 + persona], length, axis=0, total_repeat_length=number * length)
        return draw_tokens(bits.fold_in(key, 1), rows).reshape(number, length)


def _root(log_odds: Visits, length: Float[Array, ""]) -> Visits:
    """Log odds of the root of this degree of a probability, from those of the probability."""
    minus_log = jax.nn.softplus(-log_odds) / length
    small = -minus_log - jnp.log(-jnp.expm1(-minus_log))
    return jnp.where(log_odds > _SURE, log_odds + jnp.log(length), small)
