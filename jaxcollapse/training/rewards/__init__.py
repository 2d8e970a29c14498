"""Rewards: what samples are chosen by. A file in this folder adds one or more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcollapse.parts.cell_kinds import CURATED
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.slot import SLOTS, Slot, import_all

Table = Float[Array, "context token"]

REWARDS = Slot(
    "reward",
    Field(
        name="reward",
        type=str,
        default="likelihood",
        description="Curation: ln p of the current model, ln p0, or the score of a token; for a longer trace, "
        "the mean over its tokens.",
        label="reward",
        when=CURATED,
    ),
)


@dataclass(frozen=True)
class Judged:
    """What a reward may depend on: the model that is judged, and the original one.

    Attributes:
        logits: logits of the model that is judged, [context, token]; −∞ for impossible tokens.
        original: logits of p0, [context, token]; −∞ for impossible tokens.
        is_text: the rows with tokens that a reader of a trace sees, [context].
    """

    logits: Table
    original: Table
    is_text: Bool[Array, " context"]


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


def table(name: str, judged: Judged, values: Mapping[str, Any]) -> Table:
    """The reward of each token of each row."""
    part = SLOTS["reward"][name]
    found = jnp.asarray(part.make(judged, **{argument: values[argument] for argument in part.arguments}))
    if found.ndim == 1:
        return jnp.where(judged.is_text[:, jnp.newaxis], found[jnp.newaxis], 0).astype(judged.logits.dtype)
    return found.astype(judged.logits.dtype)


import_all(__name__, __path__)
REWARDS.close()
