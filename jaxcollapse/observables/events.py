"""First times: the generation at which something happens for the first time."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.observables.registry import event
from jaxcollapse.observables.snapshot import Origin, SweepThresholds

Scalar = Float[Array, ""]


@event("collapse time", "modal_probability")
def collapse_time(start: Origin, thresholds: SweepThresholds) -> Scalar:
    """First generation in which max p ≥ 1 − collapse_threshold."""
    return 1 - thresholds.collapse


@event("time of the first extinction", "least_present_probability", falls=True)
def first_extinction_time(start: Origin, thresholds: SweepThresholds) -> Scalar:
    """First generation in which a token with p0 > support_threshold has p ≤ support_threshold."""
    return thresholds.support


@event("time of the first loss of a correct answer", "least_correct_probability", "answers", falls=True, default=False)
def first_correct_extinction_time(start: Origin, thresholds: SweepThresholds) -> Scalar:
    """First generation in which a correct token with p0 > support_threshold has p ≤ support_threshold, in any row."""
    return thresholds.support


@event("half-life of heterozygosity", "collision_probability")
def half_life(start: Origin, thresholds: SweepThresholds) -> Scalar:
    """First generation in which H = 1 − Σ p² is at most half of its initial value."""
    return jnp.where(start.heterozygosity > 0, 1 - 0.5 * start.heterozygosity, jnp.inf)
