"""The categorical model: one row of logits; a trace is one token drawn from it."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.sampling import bits
from jaxcollapse.sampling.multinomial import Method, multinomial


@dataclass(frozen=True)
class Categorical:
    """p = softmax(z). The parameters are the table itself, of shape [1, token]."""

    contexts: int = 1

    def urn(self, logits: Float[Array, "context token"]) -> Float[Array, " token"]:
        """What traces are drawn from: the tokens' weights."""
        return jnp.exp(logits[0] - jnp.max(logits))

    def sample(
        self,
        key: bits.Key,
        urn: Float[Array, " token"],
        traces: Int32[Array, ""],
        how: Method,
        blocks: Int32[Array, ""],
    ) -> Int32[Array, "context token"]:
        """Counts over (context, token) of `traces` independent traces."""
        return multinomial(key, urn, traces, how, blocks)[jnp.newaxis]
