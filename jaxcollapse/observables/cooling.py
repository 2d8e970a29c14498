"""Cooling or forgetting? Whether another sampling temperature brings the original back."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcollapse.observables.order import order_gap_of
from jaxcollapse.observables.registry import ONE_ROW, observable
from jaxcollapse.observables.snapshot import Snapshot
from jaxcollapse.observables.tempering import kl_divergence

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


@observable("smoothed excess log loss on original data", "nat", "tempering", models=ONE_ROW)
def smoothed_kl_to_initial(now: Snapshot) -> Scalar:
    """KL(p0 ‖ p) after a refit to N samples, if the tokens that p has lost count together as one more sample.

    N counts as 1000 at least. It equals `kl_to_initial` if no token is lost, or if N is infinite.
    """
    return now.smoothed_kl


@observable("smoothed recovery temperature", "1", "tempering", models=ONE_ROW)
def smoothed_recovery_temperature(now: Snapshot) -> Scalar:
    """The sampling temperature that best brings p0 back from p, smoothed as for `smoothed_kl_to_initial`."""
    return now.smoothed_back.temperature


@observable("smoothed recovery gap", "nat", "tempering", models=ONE_ROW)
def smoothed_recovery_gap(now: Snapshot) -> Scalar:
    """min over T of KL(p0 ‖ τ_T(p)), smoothed as for `smoothed_kl_to_initial`: what no re-tempering brings back."""
    return now.smoothed_back.gap


@observable("order gap", "nat", "tempering", models=ONE_ROW)
def order_gap(now: Snapshot) -> Scalar:
    """min over increasing functions f of KL(p0 ‖ f(p)), to 0.02 nat: what is left of the loss if p has the
    right order of tokens. Infinite if p has lost a token.
    """
    return order_gap_of(now.start.log_p, now.logits_in_range)


@observable("excess log loss of the uniform distribution", "nat", "tempering", models=ONE_ROW)
def uniform_kl_to_initial(now: Snapshot) -> Scalar:
    """KL(p0 ‖ uniform over the tokens of p0) = ln V − S(p0): what a model loses that knows the vocabulary only."""
    return uniform_divergence(now.start.log_p)


def uniform_divergence(log_p: Float[Array, " token"]) -> Scalar:
    """KL(p ‖ uniform over the tokens that p has), nat."""
    possible = log_p > -jnp.inf
    uniform = -jnp.log(jnp.sum(possible, dtype=log_p.dtype))
    return kl_divergence(log_p, jnp.where(possible, uniform, -jnp.inf))
