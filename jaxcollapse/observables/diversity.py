"""How much the model can still say."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.observables.possible import effective_number_of_tokens, entropy_of_tokens, number_of_tokens, of_largest
from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Snapshot

Scalar = Float[Array, ""]


@observable("Shannon entropy", "nat", "diversity", possible=entropy_of_tokens)
def entropy(now: Snapshot) -> Scalar:
    """S = −Σ p ln p."""
    return now.entropy


@observable("collision probability", "1", "diversity", possible=of_largest)
def collision_probability(now: Snapshot) -> Scalar:
    """F = Σ p², the probability that two samples are the same token; 1 − F is the Gini–Simpson index H."""
    return now.collision_probability


@observable("modal probability", "1", "diversity", possible=of_largest)
def modal_probability(now: Snapshot) -> Scalar:
    """max p, the probability of the most likely token."""
    return now.modal_probability


@observable("support size", "1", "diversity", whole=True, possible=number_of_tokens)
def support_size(now: Snapshot) -> Int32[Array, ""]:
    """Number of tokens with p > support_threshold."""
    return jnp.sum(now.p > now.thresholds.support, dtype=jnp.int32)


@observable("Hill number of order 1", "1", "diversity", default=False, possible=effective_number_of_tokens)
def hill_number_1(now: Snapshot) -> Scalar:
    """exp(S), the number of equally likely tokens of the same entropy (perplexity)."""
    return jnp.exp(now.entropy)


@observable("Hill number of order 2", "1", "diversity", default=False, possible=effective_number_of_tokens)
def hill_number_2(now: Snapshot) -> Scalar:
    """1/F, the number of equally likely tokens of the same collision probability."""
    return 1 / now.collision_probability


@observable("Hill number of order infinity", "1", "diversity", default=False, possible=effective_number_of_tokens)
def hill_number_inf(now: Snapshot) -> Scalar:
    """1/max p, the number of equally likely tokens of the same modal probability."""
    return 1 / now.modal_probability
