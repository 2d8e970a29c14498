"""Truncated sampling: top-k, top-p (nucleus) and min-p, applied to tempered logits in this order.

A truncated token gets logit −∞. Tokens that tie with the last one kept are kept too, so that equal tokens are treated
equally; the usual implementations break such ties by index.

Sources: Fan et al. (2018) for top-k, Holtzman et al. (2020) for top-p, Nguyen et al. (2024) for min-p.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcollapse.sampling.selection import at_least


def _drop(logits: Float[Array, " token"], keep: Bool[Array, " token"]) -> Float[Array, " token"]:
    return jnp.where(keep, logits, -jnp.inf)


def top_k(logits: Float[Array, " token"], k: Float[Array, ""]) -> Float[Array, " token"]:
    """Keeps the `k` most likely tokens."""
    ones = jnp.ones(logits.shape, jnp.int32)
    return _drop(logits, at_least(logits, ones, jnp.minimum(k, logits.shape[-1]).astype(jnp.int32)))


def top_p(logits: Float[Array, " token"], p: Float[Array, ""]) -> Float[Array, " token"]:
    """Keeps the smallest set of most likely tokens whose probabilities reach `p` together."""
    return _drop(logits, (p >= 1) | at_least(logits, jax.nn.softmax(logits), p))


def min_p(logits: Float[Array, " token"], p: Float[Array, ""]) -> Float[Array, " token"]:
    """Keeps the tokens at least `p` times as likely as the most likely one."""
    return _drop(logits, logits >= jnp.max(logits) + jnp.log(p))
