"""Whether a trajectory diverged: its logits left the range of floating-point numbers, or their resolution."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcollapse.process.structure import Settings, Structure

_RESOLVED = 2**5  # roundings of the largest logit; a recovery gap is wrong by 1e-3 nat where logits differ by as much

Table = Float[Array, "context token"]


def diverged(structure: Structure, settings: Settings, initial: Table, table: Table) -> Bool[Array, ""]:
    """Whether numbers of a model with this table are not those of the process.

    Some logit is +∞ or NaN; or one that p0 has is −∞, though neither a finite sample nor a selection takes a token's
    probability to zero; or those of a refit to infinitely many samples, which differed, differ by little more than
    rounding.
    """
    is_lost = jnp.any(jnp.isneginf(table) & ~jnp.isneginf(initial))
    is_wrong = ~jnp.all(table < jnp.inf)
    if structure.rule.takes_steps:
        return is_wrong | is_lost
    if not structure.infinite_samples or not structure.is_refit:
        return is_wrong
    if not structure.truncations and structure.curation != "argmax":
        rejects = (settings.true_positive_rate == 0) | (settings.false_positive_rate == 0)
        is_wrong |= is_lost & (settings.temperature > 0) & ~rejects
    if not structure.only_tempers:
        is_flat = _is_flat(table) & ~_is_flat(initial)
        is_wrong |= jnp.any(is_flat) & ~is_lost & (settings.temperature < jnp.inf)
    return is_wrong


def _is_flat(table: Table) -> Bool[Array, " context"]:
    """Rows whose logits differ by little more than rounding."""
    possible = table > -jnp.inf
    peak, least = jnp.max(table, axis=-1), jnp.min(jnp.where(possible, table, jnp.inf), axis=-1)
    rounding = jnp.maximum(jnp.maximum(jnp.abs(peak), jnp.abs(least)), 1) * np.finfo(table.dtype).eps
    return (jnp.sum(possible, axis=-1, dtype=jnp.int32) > 1) & (peak - least < _RESOLVED * rounding)
