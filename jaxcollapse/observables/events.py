"""First times: the generation at which something happens for the first time."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.observables.registry import event
from jaxcollapse.observables.snapshot import Origin, SweepThresholds

Scalar = Float[Array, ""]


@event("collapse time", "modal_probability")
def collapse_time(start: Origin, thresholds: SweepThresholds) -> Scalar:
    """First generation with max p ≥ 1 − collapse_threshold."""
    return 1 - thresholds.collapse


@event("time of the first extinction", "least_present_probability", falls=True)
def first_extinction_time(start: Origin, thresholds: SweepThresholds) -> Scalar:
    """First generation at which a token that p0 had above support_threshold is not above it."""
    return thresholds.support


@event("half-life of heterozygosity", "collision_probability")
def half_life(start: Origin, thresholds: SweepThresholds) -> Scalar:
    """First generation with H = 1 − Σ p² at most half of its initial value."""
    return jnp.where(start.heterozygosity > 0, 1 - 0.5 * start.heterozygosity, jnp.inf)
