"""What an optimiser step learns from: the tokens of a minibatch, the current model, and the original one."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.training.advantages import Advantages
from jaxcollapse.training.gradient import cross_entropy_gradient, expected_gradient, without_rounding

Table = Float[Array, "context token"]
Counts = Int32[Array, "context token"]


@dataclass(frozen=True)
class Batch:
    """A minibatch.

    Attributes:
        logits: logits of the current model, [context, token]; −∞ for impossible tokens.
        original: logits of p0, [context, token]; −∞ for impossible tokens.
        shares: share of each row in the tokens of the batch, [context].
        original_shares: share of each row in the tokens of traces drawn from p0, [context].
        counts: number of each token in each row, [context, token]; None for infinitely many traces.
        target: for infinitely many traces, logits of the law that the tokens of each row follow; None otherwise.
        losses: number of models, each with a mean over its own tokens; equals the sum of `shares`.
        sees_sign: whether the optimiser uses only the sign of the gradient, so that rounding must not decide it.
        may_be_empty: whether there may be no tokens at all, from which nothing is learned.
        advantages: of the traces, added up by token; None if traces have no rewards.
        sampled: logarithms of the probabilities that a ratio is taken to [context, token], 0 for impossible tokens;
            None if each ratio is 1.
        is_balanced: whether the advantages of each row add up to nothing, except for rounding.
        temperature: sampling temperature of the traces; where rows differ, of each row [context, 1].
    """

    logits: Table
    original: Table
    shares: Float[Array, " context"]
    original_shares: Float[Array, " context"]
    counts: Counts | None = None
    target: Table | None = None
    losses: int = 1
    sees_sign: bool = False
    may_be_empty: bool = False
    advantages: Advantages | None = None
    sampled: Table | None = None
    is_balanced: bool = False
    temperature: Float[Array, "..."] | float = 1.0

    @property
    def frequencies(self) -> Table:
        """The share of each token of each row in the tokens of the batch, [context, token]."""
        if self.counts is not None:
            return frequencies(self.counts, self.losses, self.logits.dtype)
        assert self.target is not None
        return self.shares[:, jnp.newaxis] * jax.nn.softmax(self.target, axis=-1)

    @property
    def p(self) -> Table:
        """Probabilities of the model, row by row [context, token]."""
        return jax.nn.softmax(self.logits, axis=-1)

    @property
    def log_p(self) -> Table:
        """Logarithms of the model's probabilities [context, token]; 0 for impossible tokens, which drop out of sums."""
        return finite(jax.nn.log_softmax(self.logits, axis=-1))

    @property
    def original_log_p(self) -> Table:
        """Logarithms of the probabilities of p0 [context, token]; 0 for impossible tokens, which drop out of sums."""
        return finite(jax.nn.log_softmax(self.original, axis=-1))

    def cross_entropy_gradient(self) -> Table:
        """Gradient of the mean over tokens of −ln p with respect to the logits [context, token]."""
        if self.target is not None:
            return expected_gradient(self.logits, self.target, self.shares)
        observed = self.frequencies
        gradient = cross_entropy_gradient(self.logits, observed, may_be_empty=self.may_be_empty)
        return without_rounding(gradient, observed) if self.sees_sign else gradient


def frequencies(counts: Counts, losses: int, dtype: jax.typing.DTypeLike) -> Table:
    """Counts divided by the number of tokens of a model."""
    tokens = jnp.maximum(jnp.sum(counts, dtype=jnp.int32), 1).astype(dtype) / losses
    return counts.astype(dtype) / tokens


def finite(log_p: Table) -> Table:
    """ln p, with zero where p is: such tokens have no part in any sum."""
    return jnp.where(log_p > -jnp.inf, log_p, 0)
