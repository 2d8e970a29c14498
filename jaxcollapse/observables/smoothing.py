"""Smoothing of what is measured, not of the process: lost tokens count together as one more sample.

A refit to N samples gives tokens that were not drawn the probability 0, and KL(p0 ‖ p) is infinite from the first
token on that is lost. A sample of N says less than that: it does not know what has a probability below 1/N. So one more
sample is added, in equal parts of the lost tokens (add-one smoothing of the event "something unseen").
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Row = Float[Array, " token"]


def with_lost(log_p: Row, log_start: Row, samples: Float[Array, ""]) -> tuple[Row, Bool[Array, ""]]:
    """ln of (N p + 1/k for each of the k lost tokens)/(N + 1), and whether any is lost; ln p if N is infinite."""
    lost = (log_start > -jnp.inf) & (log_p == -jnp.inf)
    number = jnp.sum(lost, dtype=log_p.dtype)
    share = -jnp.log(samples) - jnp.log(jnp.maximum(number, 1))
    return jax.nn.log_softmax(jnp.where(lost, share, log_p)), number > 0
