"""Hardness of prompts: how likely a right answer is at the start, the same for all rows or drawn for each.

p0 is re-weighted: its correct tokens together get the wanted probability, and the proportions among them, and among all
others, stay. The correct tokens are those of p0 as it is given.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcollapse.parts.field import Answer, AskedCells, Field, When
from jaxcollapse.parts.slot import SLOTS
from jaxcollapse.process.structure import Settings, Structure
from jaxcollapse.sampling import bits

Table = Float[Array, "context token"]
Rows = Float[Array, " context"]

_HARDNESS = 0xFFFFFFFB  # folded into a trajectory's key for the hardness of its rows; see `process.emission`
_WHOLE = 16  # numbers of which arrays are multiples, so that none is left over and compiled to other arithmetic


def _has_rows_apart(cells: AskedCells) -> Answer:
    return cells.has("model", *SLOTS["model"].named(lambda part: not part.fact("draws_by_place")))


def has_accuracy(cells: AskedCells) -> Answer:
    """Cells in which p0 is re-weighted, so that its correct tokens have a given probability."""
    return _has_rows_apart(cells) & ~np.isnan(cells.numbers("initial_accuracy"))


HARDNESS = (
    Field(
        name="initial_accuracy",
        type=float | None,
        default=None,
        description="Probability that a trace of each row (prompt, persona, model) is correct at the start: p0 is "
        "re-weighted between its correct tokens and all others; by default p0 stays as it is.",
        label="initial accuracy",
        limits={"gt": 0, "lt": 1},
        kind="number",
        is_switch=True,
        when=When("with a model whose traces stay in one row (all but 'markov')", _has_rows_apart),
    ),
    Field(
        name="accuracy_concentration",
        type=float,
        default=np.inf,
        description="Concentration α + β of the Beta distribution with the mean initial_accuracy that the initial "
        "accuracy of each row is drawn from; inf: all rows are equally hard.",
        label="concentration of the initial accuracy",
        limits={"ge": 0.01},
        kind="number",
        is_switch=True,
        when=When("with initial_accuracy", has_accuracy),
    ),
)


def with_accuracy(
    structure: Structure, settings: Settings, table: Table, correct: Bool[Array, "context token"], key: bits.Key
) -> Table:
    """Logits of p0 after re-weighting, in a trajectory with this key.

    A row in which no possible token is correct, or every one, stays as it is.
    """
    solved = _log_odds(structure, settings, len(table), key).astype(table.dtype)
    wanted = structure.walk.token_log_odds(solved, structure.correct_trace, settings.traces)
    right = jax.nn.logsumexp(jnp.where(correct, table, -jnp.inf), axis=-1)
    wrong = jax.nn.logsumexp(jnp.where(correct, -jnp.inf, table), axis=-1)
    has_both = (right > -jnp.inf) & (wrong > -jnp.inf)
    rise = jnp.where(has_both, wanted - (right - wrong), 0)[:, jnp.newaxis]
    return table - jnp.where(correct, jnp.maximum(-rise, 0), jnp.maximum(rise, 0))  # the likelier part keeps its digits


def _log_odds(structure: Structure, settings: Settings, rows: int, key: bits.Key) -> Rows:
    """Log odds that a trace of each row is correct: the same, or those of draws from a Beta distribution.

    These are differences between logarithms of gamma variates, which stay finite where the variates underflow, and are
    drawn in single precision, so that prompts are equally hard in both.
    """
    mean = settings.initial_accuracy
    if "accuracy_concentration" not in structure.is_on:
        return jnp.full(rows, jnp.log(mean) - jnp.log1p(-mean))
    typed = jax.random.wrap_key_data(bits.fold_in(key, jnp.uint32(_HARDNESS)), impl="threefry2x32")
    mean, concentration = mean.astype(jnp.float32), settings.accuracy_concentration.astype(jnp.float32)
    shapes = concentration * jnp.stack([mean, 1 - mean])[:, jnp.newaxis]
    drawn = jax.random.loggamma(typed, shapes, (2, -(-rows // _WHOLE) * _WHOLE), jnp.float32)
    return (drawn[0] - drawn[1])[:rows]
