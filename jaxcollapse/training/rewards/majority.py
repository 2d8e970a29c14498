"""The majority of a group as its own verifier: test-time reinforcement learning (Zuo et al. 2025, arXiv 2504.16084)."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from jaxcollapse.training.rewards import REWARDS


@REWARDS.adds(skip=1, is_of_group=True)
def majority(answers: Int32[Array, "*group trace"]) -> Bool[Array, "*group trace"]:
    """1 for traces with the answer that most traces of their group have; of several such, the one drawn first."""
    agrees = answers[..., :, jnp.newaxis] == answers[..., jnp.newaxis, :]
    votes = jnp.sum(agrees, axis=-1, dtype=jnp.int32)
    winner = jnp.take_along_axis(answers, jnp.argmax(votes, axis=-1, keepdims=True), axis=-1)
    return answers == winner
