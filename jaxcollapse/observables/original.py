"""What has become of the original distribution p0."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.observables.possible import correlation, share
from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Row, Snapshot
from jaxcollapse.observables.tempering import kl_divergence

Scalar = Float[Array, ""]


@observable("probability of the original mode", "1", "original", possible=share)
def original_mode_probability(now: Snapshot) -> Scalar:
    """Probability of the most likely token of p0 (the sum over all of them if several tie)."""
    return jnp.sum(jnp.where(now.start.modes, now.p, 0))


@observable("mode equals the original mode", "1", "original", whole=True, possible=share)
def mode_is_original(now: Snapshot) -> Int32[Array, ""]:
    """1 if a most likely token of p is a most likely token of p0, else 0."""
    return jnp.any(now.start.modes & (now.logits == jnp.max(now.logits))).astype(jnp.int32)


@observable("divergence from the original", "nat", "original")
def kl_from_initial(now: Snapshot) -> Scalar:
    """KL(p ‖ p0) = Σ p ln(p/p0)."""
    return kl_divergence(now.log_p, now.start.log_p)


@observable("excess log loss on original data", "nat", "original")
def kl_to_initial(now: Snapshot) -> Scalar:
    """KL(p0 ‖ p) = Σ p0 ln(p0/p); infinite if a token of p0 has died out."""
    return kl_divergence(now.start.log_p, now.log_p)


@observable("total variation from the original", "1", "original", possible=share)
def total_variation(now: Snapshot) -> Scalar:
    """½ Σ |p − p0|."""
    return 0.5 * jnp.sum(jnp.abs(now.p - now.start.p))


@observable("mass of the rarest decile", "1", "original", possible=share)
def tail_mass(now: Snapshot) -> Scalar:
    """Probability of the rarest tenth of p0's tokens (their number rounded up; ties at the edge share a place)."""
    return jnp.sum(now.start.rarest * now.p)


@observable("rank correlation with the original", "1", "original", default=False, possible=correlation)
def rank_correlation(now: Snapshot) -> Scalar:
    """Spearman's correlation of ln p with ln p0 over p0's tokens, ties at their mean rank; NaN if all tie."""
    here, there = _centred_ranks(now.logits, now.start.logits), _centred_ranks(now.start.logits, now.start.logits)
    return jnp.sum(here * there) / jnp.sqrt(jnp.sum(here * here) * jnp.sum(there * there))


def _centred_ranks(values: Row, start: Row) -> Row:
    """Mean ranks among the tokens that p0 has, less their mean, in units of the number of tokens; 0 for others."""
    possible = start > -jnp.inf
    impossible = jnp.sum(~possible, dtype=jnp.int32)
    total = jnp.sum(possible, dtype=jnp.int32)
    order = jnp.sort(values)
    below, upto = (jnp.searchsorted(order, values, side=side).astype(jnp.int32) for side in ("left", "right"))
    first, last = jnp.maximum(below - impossible, 0), upto - impossible
    # Centred as integers, so that ranks that all tie are exactly zero and the correlation NaN.
    return jnp.where(possible, (first + last - total).astype(values.dtype) / (2 * total).astype(values.dtype), 0)
