"""First times: the generation at which something happens for the first time."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Snapshot

Condition = Bool[Array, ""]


@observable("collapse time", "generation", "events", whole=True)
def collapse_time(now: Snapshot) -> Condition:
    """First generation with max p ≥ 1 − collapse_threshold."""
    return now.modal_probability >= 1 - now.thresholds.collapse


@observable("time of the first extinction", "generation", "events", whole=True)
def first_extinction_time(now: Snapshot) -> Condition:
    """First generation at which a token that p0 had above support_threshold is not above it."""
    return jnp.any(now.start.present & (now.p <= now.thresholds.support))


@observable("half-life of heterozygosity", "generation", "events", whole=True)
def half_life(now: Snapshot) -> Condition:
    """First generation with H = 1 − Σ p² at most half of its initial value."""
    start = now.start.heterozygosity
    return (start > 0) & (1 - now.collision_probability <= 0.5 * start)
