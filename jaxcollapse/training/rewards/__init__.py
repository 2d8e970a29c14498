"""Rewards: what samples are chosen by. A file in this folder adds one or more."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from jaxcollapse.errors import InputError
from jaxcollapse.parts.cell_kinds import REWARDED
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import SLOTS, Slot, import_all

Table = Float[Array, "context token"]
MOST_VOTES = 64  # traces of a group, at most, for which the mean size of the majority is computed

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


class Rewarded(NamedTuple):
    """What the traces of a model are drawn from, and what reward each has: one of the three kinds.

    Attributes:
        logits: logits that traces are drawn from, [context, token].
        scores: a number for each token, [context, token]; None for other rewards.
        rates: the chances of a reward of 1, where it has neither scores nor a group.
        group: number of traces of a group whose majority is rewarded; None for other rewards.
    """

    logits: Table
    scores: Table | None
    rates: Rates
    group: int | None


def reward(function: Callable[..., Any]) -> Any:
    """Adds a reward: a function of `Judged` that returns a number for each token, [token] or [context, token].

    Its name is the value of the field `reward`. Its further arguments are fields of the process, like those of an
    optimiser; one that is annotated as `jaxcollapse.PerToken` has a number for each token. Where it returns one row,
    that counts in each row of tokens, and what starts a trace (the choice of a persona) has none.

    A second argument named `key` makes the reward random: the function is evaluated for each trace, with a typed key of
    `jax.random` that no other trace has. It then gives the numbers that this trace's tokens have. Such a reward is for
    a policy gradient with a finite `batch_size`.

    Args:
        function: what is decorated.

    Raises:
        InputError: the name is one of the package's own, or `key` is not the second argument.
    """
    names = list(inspect.signature(function).parameters)
    draws = "key" in names
    if draws and names.index("key") != 1:
        raise InputError("plugin", f"{function.__name__!r}: the argument 'key' must be the second one, after `judged`")
    return REWARDS.add(function, skip=2 if draws else 1, draws=draws)


def is_score(name: str) -> bool:
    """Whether a reward is a number for each token, whatever else is drawn."""
    return has_numbers(name) and not draws(name)


def draws(name: str) -> bool:
    """Whether the numbers of a reward are drawn for each trace."""
    return bool(SLOTS["reward"][name].fact("draws"))


def has_numbers(name: str) -> bool:
    """Whether a reward is a number for each token, fixed or drawn."""
    part = SLOTS["reward"][name]
    return not (part.fact("is_by_chance") or part.fact("is_of_group"))


def scores() -> list[str]:
    """Names of the rewards that are a number for each token."""
    return [name for name in SLOTS["reward"] if is_score(name)]


def table(name: str, judged: Judged, values: Mapping[str, Any], key: Key[Array, ""] | None = None) -> Table:
    """The reward of each token of each row; `key` is that of a trace, if the reward draws random numbers."""
    part = SLOTS["reward"][name]
    given = (judged,) if key is None else (judged, key)
    found = jnp.asarray(part.make(*given, **{argument: values[argument] for argument in part.arguments}))
    if found.ndim == 1:
        return jnp.where(judged.is_text[:, jnp.newaxis], found[jnp.newaxis], 0).astype(judged.logits.dtype)
    return found.astype(judged.logits.dtype)


import_all(__name__, __path__)
REWARDS.close()
