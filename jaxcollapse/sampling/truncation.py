"""Truncated sampling: top-k, top-p (nucleus) and min-p, applied to tempered logits in this order.

A truncated token gets logit −∞. Tokens that tie with the last one kept are kept too, so that equal tokens are treated
equally; the usual implementations break such ties by index.

What is cut is decided in single precision, whatever the precision of the rest: of [0.6, 0.3, 0.1], top-p 0.9 and min-p
0.5 keep the first two in either. What is within rounding of an edge, 1e-7, may be on either side, but on the same.

Sources: Fan et al. (2018) for top-k, Holtzman et al. (2020) for top-p, Nguyen et al. (2024) for min-p.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcollapse.sampling.selection import at_least


def _drop(logits: Float[Array, " token"], keep: Bool[Array, " token"]) -> Float[Array, " token"]:
    return jnp.where(keep, logits, -jnp.inf)


def _single(values: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The values in single precision, clipped to its range."""
    if values.dtype == jnp.float32:
        return values
    most = float(np.finfo(np.float32).max)
    return jnp.clip(values, -most, most).astype(jnp.float32)


def top_k(logits: Float[Array, " token"], k: Float[Array, ""]) -> Float[Array, " token"]:
    """Keeps the `k` most likely tokens."""
    ones = jnp.ones(logits.shape, jnp.int32)
    return _drop(logits, at_least(logits, ones, jnp.minimum(k, logits.shape[-1]).astype(jnp.int32)))


def top_p(logits: Float[Array, " token"], p: Float[Array, ""]) -> Float[Array, " token"]:
    """Keeps the smallest set of most likely tokens whose probabilities reach `p` together."""
    single, edge = _single(logits), _single(p)
    return _drop(logits, (edge >= 1) | at_least(single, jax.nn.softmax(single), edge))


def min_p(logits: Float[Array, " token"], p: Float[Array, ""]) -> Float[Array, " token"]:
    """Keeps the tokens at least `p` times as likely as the most likely one."""
    single, edge = _single(logits), _single(p)
    return _drop(logits, single >= jnp.max(single) + jnp.log(edge))
