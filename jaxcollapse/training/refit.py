"""Refit: the maximum-likelihood fit, p ← (1 − a) p + a p̂."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcollapse.sampling.mixture import mixture


def refit(
    logits: Float[Array, "context token"],
    target: Float[Array, "context token"],
    visited: Bool[Array, " context"],
    mixing: Float[Array, ""] | None,
) -> Float[Array, "context token"]:
    """Logits after fitting to a corpus whose logits are `target` (the log of its counts, if it is finite).

    Where `mixing` a is 1 or None they are `target` itself: a token that was not seen has logit −∞, probability exactly
    zero. A context that was not visited keeps its row.
    """
    fitted = target
    if mixing is not None:
        mixed = mixture(jnp.stack([logits, target]), jnp.stack([1 - mixing, mixing])[:, jnp.newaxis])
        fitted = jnp.where(mixing == 1, target, mixed)
    return jnp.where(visited[:, jnp.newaxis], fitted, logits)
