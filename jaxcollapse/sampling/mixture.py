"""Mixtures of distributions that are given by logits."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def mixture(
    logits: Float[Array, "part context token"], weights: Float[Array, "part #context"]
) -> Float[Array, "context token"]:
    """Logits of Σ_k weights_k · softmax(logits_k), row by row; they need not be normalised.

    Rows that are the same bits in every part, or have weight in no part, come back as the first part's bits: a
    mixture of one distribution with itself is that distribution, exactly. This is what keeps T = 1 at N = ∞ an exact
    fixed point.
    """
    same = jnp.all(logits == logits[:1], axis=(0, -1)) | jnp.all(weights == 0, axis=0)
    log_parts = jax.nn.log_softmax(logits, axis=-1) + jnp.log(weights)[:, :, None]
    return jnp.where(same[:, None], logits[0], jax.nn.logsumexp(log_parts, axis=0))
