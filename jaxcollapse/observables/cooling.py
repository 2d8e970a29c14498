"""Cooling or forgetting? Whether another sampling temperature brings the original back."""

from jaxtyping import Array, Float

from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Snapshot

Scalar = Float[Array, ""]


@observable("effective temperature", "1", "tempering")
def effective_temperature(now: Snapshot) -> Scalar:
    """T* ≥ 0 that minimises KL(p ‖ τ_T(p0)): the temperature at which p0 looks most like p. NaN if p0 is uniform."""
    return now.from_start.temperature


@observable("tempering gap", "nat", "tempering")
def tempering_gap(now: Snapshot) -> Scalar:
    """min over T of KL(p ‖ τ_T(p0)): how far p is from every tempered copy of p0."""
    return now.from_start.gap


@observable("recovery temperature", "1", "tempering")
def recovery_temperature(now: Snapshot) -> Scalar:
    """T ≥ 0 that minimises KL(p0 ‖ τ_T(p)): the sampling temperature that best recovers p0. NaN if none can."""
    return now.back_to_start.temperature


@observable("recovery gap", "nat", "tempering")
def recovery_gap(now: Snapshot) -> Scalar:
    """min over T of KL(p0 ‖ τ_T(p)): the part of the excess log loss that no sampling temperature recovers."""
    return now.back_to_start.gap
