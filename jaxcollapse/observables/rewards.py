"""How well the model does by the process's own reward: the mean over all traces that it may emit.

Traces are those that training draws, at the sampling temperature and with its truncations, before any is selected. The
mean is exact:

verifier    TPR · a + FPR · (1 − a), a the probability that such a trace is correct; also of a verifier that selects
coin        1/2
score, likelihood, original_likelihood, or a plug-in's    `reward_scale` · Σ p r; of longer traces, the mean score of
            their tokens
majority    the expected share of the answer that most of a group's traces have, E max n / G
"""

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln, xlogy
from jaxtyping import Array, Float

from jaxcollapse.observables.correct import over_prompts
from jaxcollapse.observables.possible import any_number
from jaxcollapse.observables.registry import observable
from jaxcollapse.observables.snapshot import Snapshot
from jaxcollapse.training.rewards import Rewarded
from jaxcollapse.walks.persona import Persona

Rows = Float[Array, " prompt"]


@observable("mean reward", "1", "rewards", default=False, possible=any_number, of_rewards=True)
def mean_reward(now: Snapshot) -> Float[Array, ""]:
    """Expected reward of a trace as training draws it; a mean over prompts, if there are any."""
    rewarded, traces = _rewarded(now), now.numbers
    if rewarded.scores is not None:
        return over_prompts(*now.walk.scored(rewarded.logits, rewarded.scores, traces))
    if rewarded.group is not None:
        weights, laws = now.walk.answers(rewarded.logits, traces)
        return over_prompts(weights, _share_of_majority(laws, rewarded.group))
    assert now.start.correct is not None
    weights, solved = now.walk.solved(rewarded.logits, now.start.correct, now.correct_trace, traces)
    return over_prompts(weights, _accepted(rewarded, solved))


@observable(
    "mean reward, by persona",
    "1",
    "rewards",
    default=False,
    models=("persona",),
    dim="persona",
    possible=any_number,
    of_rewards=True,
)
def persona_reward(now: Snapshot) -> Float[Array, " persona"]:
    """Expected reward of a trace of this persona, or prompt; of a majority, only with chooser = 'fixed'."""
    assert isinstance(now.walk, Persona)
    rewarded, traces = _rewarded(now), now.numbers
    if rewarded.scores is not None:
        return now.walk.scored_by_each(rewarded.logits, rewarded.scores, traces)
    if rewarded.group is not None:
        if now.walk.learns_start:  # traces of several personas vote together
            return jnp.full(now.walk.personas, jnp.nan, now.table.dtype)
        return _share_of_majority(now.walk.answers(rewarded.logits, traces)[1], rewarded.group)
    assert now.start.correct is not None
    solved = now.walk.solved_by_each(rewarded.logits, now.start.correct, now.correct_trace, traces)
    return _accepted(rewarded, solved)


def _rewarded(now: Snapshot) -> Rewarded:
    assert now.rewarded is not None
    return now.rewarded()


def _accepted(rewarded: Rewarded, solved: Rows) -> Rows:
    """The mean of a reward of 1 or 0, from the probability that a trace is correct."""
    right, wrong = (jnp.asarray(rate, solved.dtype) for rate in rewarded.rates)
    return solved * right + (1 - solved) * wrong


def _share_of_majority(laws: Float[Array, "prompt token"], group: int) -> Rows:
    """E max n / G of the counts n of G answers, which are multinomial.

    The counts are independent Poisson numbers, given that their sum is G. Of each bound m, the chance that none of them
    exceeds m is added up token by token, by their sum so far.
    """
    number = jnp.arange(group + 1, dtype=laws.dtype)  # of one token's answers, and of all so far
    bounds = jnp.arange(group, dtype=jnp.int32)
    sums = jnp.arange(group + 1, dtype=jnp.int32)
    more = sums[:, jnp.newaxis] - sums[jnp.newaxis]  # of the sum, by one token
    is_within = (more >= 0)[jnp.newaxis] & (more[jnp.newaxis] <= bounds[:, jnp.newaxis, jnp.newaxis])

    def chances(mean: Float[Array, ""]) -> Float[Array, " number"]:
        return jnp.exp(xlogy(number, mean) - mean - gammaln(number + 1))

    def of_row(law: Float[Array, " token"]) -> Float[Array, ""]:
        def add(so_far: Array, p: Array) -> tuple[Array, None]:
            steps = jnp.where(
                is_within, chances(group * p)[jnp.maximum(more, 0)][jnp.newaxis], 0
            )  # [bound, sum, sum before]
            return jnp.einsum("bij,bj->bi", steps, so_far, precision=jax.lax.Precision.HIGHEST), None

        start = jnp.zeros((group, group + 1), law.dtype).at[:, 0].set(1)
        within = jax.lax.scan(add, start, law)[0][:, group] / chances(jnp.asarray(group, law.dtype))[group]
        return jnp.sum(1 - jnp.minimum(within, 1)) / group

    return jax.vmap(of_row)(laws)
