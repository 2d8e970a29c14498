"""Rewards: what samples are chosen by. A file in this folder adds one or more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcollapse.parts.cell_kinds import REWARDED
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import SLOTS, Slot, import_all

Table = Float[Array, "context token"]

REWARDS = Slot(
    "reward",
    Field(
        name="reward",
        type=str,
        default="likelihood",
        description="Curation and policy gradient: ln p of the current model, ln p0, or the score of a token; for a "
        "longer trace, the mean over its tokens. Policy gradient alone: whether a verifier accepts the trace, a coin "
        "comes up heads, or most traces of the group agree with it (majority).",
        label="reward",
        when=REWARDED,
    ),
)


class Rates(NamedTuple):
    """A reward that is 1 or 0, by chance.

    Attributes:
        correct: probability of 1 for a correct trace.
        other: probability of 1 for any other trace.
    """

    correct: Float[Array, ""] | float
    other: Float[Array, ""] | float

    def of(self, is_correct: Bool[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The probability of 1 for each trace or token, from whether it is correct."""
        return jnp.where(is_correct, self.correct, self.other)


@dataclass(frozen=True)
class Judged:
    """What a reward may depend on: the model that is judged, and the original one.

    Attributes:
        logits: logits of the model that is judged, [context, token]; −∞ for impossible tokens.
        original: logits of p0, [context, token]; −∞ for impossible tokens.
        is_text: the rows with tokens that a reader of a trace sees, [context].
        correct: the tokens that are correct, [context, token].
        rates: the chances that a verifier accepts a trace.
    """

    logits: Table
    original: Table
    is_text: Bool[Array, " context"]
    correct: Bool[Array, "context token"]
    rates: Rates


def reward(function: Callable[..., Any]) -> Any:
    """Adds a reward: a function of `Judged` that returns a number for each token, [token] or [context, token].

    Its name is the value of the field `reward`. Its further arguments are fields of the process, like those of an
    optimiser; one that is annotated as `jaxcollapse.PerToken` has a number for each token. Where it returns one row,
    that counts in each row of tokens, and what starts a trace (the choice of a persona) has none.

    Args:
        function: what is decorated.

    Raises:
        InputError: the name is one of the package's own.
    """
    return REWARDS.add(function, skip=1)


def is_score(name: str) -> bool:
    """Whether a reward is a number for each token, whatever else is drawn."""
    part = SLOTS["reward"][name]
    return not (part.fact("is_by_chance") or part.fact("is_of_group"))


def scores() -> list[str]:
    """Names of the rewards that are a number for each token."""
    return [name for name in SLOTS["reward"] if is_score(name)]


def table(name: str, judged: Judged, values: Mapping[str, Any]) -> Table:
    """The reward of each token of each row."""
    part = SLOTS["reward"][name]
    found = jnp.asarray(part.make(judged, **{argument: values[argument] for argument in part.arguments}))
    if found.ndim == 1:
        return jnp.where(judged.is_text[:, jnp.newaxis], found[jnp.newaxis], 0).astype(judged.logits.dtype)
    return found.astype(judged.logits.dtype)


import_all(__name__, __path__)
REWARDS.close()
