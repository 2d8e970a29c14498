"""What an observable sees: the model at one generation, and where it came from."""

from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcollapse.observables.tempering import Tempering, nearest_tempering
from jaxcollapse.sampling.selection import at_least

Row = Float[Array, " token"]
Scalar = Float[Array, ""]


class Thresholds(NamedTuple):
    """support: a token counts as present above this probability. collapse: ε of "max p ≥ 1 − ε"."""

    support: Scalar
    collapse: Scalar


class Origin(NamedTuple):
    """The initial distribution p0 of a trajectory, and what is derived from it once."""

    logits: Row
    log_p: Row
    p: Row
    present: Bool[Array, " token"]
    modes: Bool[Array, " token"]
    rarest: Row
    heterozygosity: Scalar


def origin(logits: Row, thresholds: Thresholds) -> Origin:
    """Derives from the initial logits what the observables compare with."""
    log_p = jax.nn.log_softmax(logits)
    p = jnp.exp(log_p)
    return Origin(
        logits=logits,
        log_p=log_p,
        p=p,
        present=p > thresholds.support,
        modes=logits == jnp.max(logits),
        rarest=_rarest_decile(logits),
        heterozygosity=1 - jnp.sum(p * p),
    )


def _rarest_decile(logits: Row) -> Row:
    """Weight 1 for the rarest tenth of the tokens (rounded up); tokens that tie at the edge share what is left."""
    possible = logits > -jnp.inf
    total = jnp.sum(possible, dtype=jnp.int32)
    rest = total - (total + 9) // 10
    upper = at_least(logits, possible.astype(jnp.int32), rest)
    edge = jnp.min(jnp.where(upper & possible, logits, jnp.inf))
    above, tied = possible & (logits > edge), possible & (logits == edge)
    places = (rest - jnp.sum(above, dtype=jnp.int32)).astype(logits.dtype)
    share = 1 - places / jnp.maximum(jnp.sum(tied, dtype=logits.dtype), 1)
    return jnp.where(possible & ~above, jnp.where(tied, share, 1), 0).astype(logits.dtype)


class Snapshot:
    """One row of the model at one generation. Derived quantities are computed once, when first asked for."""

    def __init__(self, logits: Row, start: Origin, thresholds: Thresholds):
        self.logits = logits
        self.start = start
        self.thresholds = thresholds

    @cached_property
    def log_p(self) -> Row:
        """ln p."""
        return jax.nn.log_softmax(self.logits)

    @cached_property
    def p(self) -> Row:
        """The probabilities, as the training step computes them too (so that a compiler can share the work)."""
        return jax.nn.softmax(self.logits)

    @cached_property
    def modal_probability(self) -> Scalar:
        """max p."""
        return jnp.max(self.p)

    @cached_property
    def collision_probability(self) -> Scalar:
        """F = Σ p²."""
        return jnp.sum(self.p * self.p)

    @cached_property
    def least_present_probability(self) -> Scalar:
        """Of the tokens that p0 had above support_threshold, what the rarest one has."""
        return jnp.min(jnp.where(self.start.present, self.p, jnp.inf))

    @cached_property
    def entropy(self) -> Scalar:
        """S = −Σ p ln p."""
        return -jnp.sum(jnp.where(self.p > 0, self.p * self.log_p, 0))

    @cached_property
    def from_start(self) -> Tempering:
        """The tempered p0 that is nearest to p."""
        return nearest_tempering(self.log_p, self.start.logits)

    @cached_property
    def back_to_start(self) -> Tempering:
        """The tempered p that is nearest to p0."""
        return nearest_tempering(self.start.log_p, self.logits)
