"""One of several candidates that come one after the other: each takes the place of the one before, or does not.

The law is that of a choice among all of them at once, with nothing kept but the state so far (Chao 1982, with room
for one). `sampling/curation.py` has what comes of it where a candidate is one token.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Reward = Float[Array, " trace"]

_ROUNDING = 1e-6  # of a sum of rewards, relative to it: sums in another order tie


class Standing(NamedTuple):
    """What is known of the candidates so far.

    Attributes:
        level: ln Σ e^r over the candidates, or the greatest reward.
        tied: number of candidates that share the greatest reward.
    """

    level: Float[Array, " trace"]
    tied: Float[Array, " trace"]


Choice = Callable[[Standing, Reward], tuple[Standing, Float[Array, " trace"]]]


def nobody(shape: Float[Array, " trace"]) -> Standing:
    """Before the first candidate, whose place anybody takes."""
    return Standing(jnp.full_like(shape, -jnp.inf), jnp.zeros_like(shape))


def bradley_terry(so_far: Standing, reward: Reward) -> tuple[Standing, Float[Array, " trace"]]:
    """Log odds r − ln Σ e^r of those before: in the end each is kept with probability ∝ e^r."""
    return so_far._replace(level=jnp.logaddexp(so_far.level, reward)), reward - so_far.level


def argmax(so_far: Standing, reward: Reward) -> tuple[Standing, Float[Array, " trace"]]:
    """A greater reward takes the place for sure; the m-th of those that tie with probability 1/m."""
    is_tie = jnp.abs(reward - so_far.level) <= _ROUNDING * jnp.maximum(jnp.abs(reward), jnp.abs(so_far.level))
    is_tie &= so_far.tied > 0
    is_better = ~is_tie & (reward > so_far.level)
    log_odds = jnp.where(is_tie, -jnp.log(so_far.tied), jnp.where(is_better, jnp.inf, -jnp.inf))
    tied = jnp.where(is_better, 1, so_far.tied + is_tie.astype(reward.dtype))
    return Standing(jnp.where(is_tie, so_far.level, jnp.maximum(reward, so_far.level)), tied), log_odds


CHOICES: dict[str, Choice] = {"bradley_terry": bradley_terry, "argmax": argmax}


def happens(uniform: Float[Array, " trace"], log_odds: Float[Array, " trace"]) -> Bool[Array, " trace"]:
    """Whether what has these log odds happens. The number is compared with the share of the less likely side, so that
    either side is as likely as it should be, however rare.
    """
    rarer = 1 / (1 + jnp.exp(jnp.abs(log_odds)))
    return (uniform < rarer) == (log_odds < 0)
