"""Groups of traces with rewards, and how much better than its group each trace did: what a policy gradient learns from.

Traces are drawn one by one, since a group is too small for counts to save anything, and are numbered through all
groups: so that a trace depends on neither how many are drawn at once nor how many groups there are. Advantages are
added up in the order of these numbers, so that their sums are the same bits on every device.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32, UInt32

from jaxcollapse.process.emission import Emission
from jaxcollapse.process.one_by_one import DECISIONS, Judgement
from jaxcollapse.sampling import bits, tree
from jaxcollapse.training import rewards
from jaxcollapse.training.advantages import Advantages, Baseline
from jaxcollapse.training.rewards import REWARDS, Judged
from jaxcollapse.training.updates.policy_gradient import PolicyGradient

Table = Float[Array, "context token"]
Row = Float[Array, " token"]
Traces = Int32[Array, " trace"]


class Sums(NamedTuple):
    """What has been added up so far: advantages above and below zero, and the number of draws.

    Attributes:
        up: of each token of a row, or of each (context, token) pair, the sum of the advantages above zero.
        down: the sum of those below zero.
        counts: how often it was drawn.
    """

    up: Float[Array, " place"]
    down: Float[Array, " place"]
    counts: Int32[Array, " place"]

    @classmethod
    def of(cls, places: int, dtype: jax.typing.DTypeLike) -> "Sums":
        """Nothing, of so many tokens or pairs."""
        zeros = jnp.zeros(places, dtype)
        return cls(zeros, zeros, jnp.zeros(places, jnp.int32))

    def with_drawn(self, places: Traces, advantage: Float[Array, " trace"], is_there: Bool[Array, " trace"]) -> "Sums":
        """These sums and draws of traces with these advantages, as far as the draws are there."""
        advantage = jnp.where(is_there, advantage, 0)
        return Sums(
            _added(self.up, places, jnp.maximum(advantage, 0)),
            _added(self.down, places, jnp.minimum(advantage, 0)),
            self.counts.at[places].add(is_there.astype(jnp.int32), mode="promise_in_bounds"),
        )


@dataclass(frozen=True)
class Groups:
    """How groups are rewarded and compared.

    Attributes:
        reward: name of the reward.
        judged: what rewards may depend on.
        values: fields of the process, by name.
        compared: how the rewards of a group are compared.
        size: number of traces of a group, G.
        at_once: number of traces that are drawn together, a multiple of G; it has no influence on results.
    """

    reward: str
    judged: Judged
    values: Mapping[str, Any]
    compared: Baseline
    size: int
    at_once: int

    @property
    def scores(self) -> Table:
        """The reward of each token of each row."""
        return self.values["reward_scale"] * rewards.table(self.reward, self.judged, self.values)

    def drawn_scores(self, words: UInt32[Array, "2 trace"]) -> Float[Array, "trace context token"]:
        """The reward of each token of each row in each trace, from the words of the traces' keys."""
        keys = jax.random.wrap_key_data(words.T, impl="threefry2x32")
        table = partial(rewards.table, self.reward, self.judged, self.values)
        return self.values["reward_scale"] * jax.vmap(table)(keys)

    def agree(self, answer: Traces) -> Float[Array, " trace"]:
        """The reward of traces with these answers, if it is one of the group."""
        agrees = REWARDS[self.reward].make(answer.reshape(-1, self.size))
        return agrees.reshape(-1).astype(self.judged.logits.dtype)

    def of(self, verdict: Judgement, uniform: Callable[[], Float[Array, " trace"]]) -> Float[Array, " trace"]:
        """The rewards of traces that are judged as wholes; `uniform` gives a random number for each."""
        if rewards.has_numbers(self.reward):
            return verdict.score
        part = REWARDS[self.reward]
        if part.fact("is_of_group"):
            return self.agree(verdict.answer)
        return (uniform() <= part.make(self.judged).of(verdict.is_correct)).astype(self.judged.logits.dtype)

    def advantages(self, found: Float[Array, " trace"]) -> Float[Array, " trace"]:
        """The advantage of each trace, from the rewards."""
        return self.compared.advantages(found.reshape(-1, self.size)).reshape(-1)


def compared(emission: Emission, model: Table) -> dict[str, Any]:
    """What all groups of a process have, by attribute, whose model has this table."""
    structure, rule = emission.structure, emission.structure.rule
    assert isinstance(rule, PolicyGradient)
    return {
        "reward": structure.reward,
        "judged": emission.judged(model),
        "values": emission.values,
        "compared": rule.compared,
        "size": rule.group_size,
        "at_once": structure.traces_at_once,
    }


@dataclass(frozen=True)
class TokenGroups(Groups):
    """Groups of a model in which a trace is one token; each row draws groups of its own."""

    def drawn(
        self, key: bits.Key, weights: Table, traces: Int32[Array, ""]
    ) -> tuple[Advantages, Int32[Array, "context token"]]:
        """Advantages of so many traces of each row, drawn in proportion to weights [context, token]; and counts."""
        rows = jnp.arange(len(weights), dtype=jnp.uint32)
        keys = jax.vmap(lambda row: bits.fold_in(key, row))(rows)
        sums = jax.vmap(lambda key, *row: self._of_row(key, traces, *row))(keys, rows, weights, self.scale)
        number = traces.astype(weights.dtype)
        return Advantages(sums.up / number, sums.down / number), sums.counts

    def expected(self, logits: Table) -> Advantages:
        """The mean over infinitely many groups of G traces, of the law softmax(`logits`) in each row."""
        p = jax.nn.softmax(logits, axis=-1)
        if rewards.is_score(self.reward):
            return jax.vmap(self._expected_scores)(p, self.scale)
        return jax.vmap(self._expected_chance)(p, self.scale)

    @property
    def scale(self) -> Table:
        """The reward of each token of each row; or its chance of a reward of 1, if that is given by chance."""
        part = REWARDS[self.reward]
        if rewards.is_score(self.reward):
            return self.scores
        if not part.fact("is_by_chance"):
            return jnp.zeros_like(self.judged.logits)
        chance: Table = part.make(self.judged).of(self.judged.correct).astype(self.judged.logits.dtype)
        return chance

    def _of_row(
        self, key: bits.Key, traces: Int32[Array, ""], context: UInt32[Array, ""], weights: Row, scale: Row
    ) -> Sums:
        nodes = tree.build(weights)

        def block(index: Array, sums: Sums) -> Sums:
            number = (index * self.at_once + jnp.arange(self.at_once, dtype=jnp.int32)).astype(jnp.uint32)
            token = tree.draw(key, nodes, len(weights), number)
            advantage = self.advantages(self._rewards(key, number, context, token, scale))
            return sums.with_drawn(token, advantage, number < traces.astype(jnp.uint32))

        blocks = -(-traces // self.at_once)
        return jax.lax.fori_loop(0, blocks, block, Sums.of(len(weights), weights.dtype))

    def _rewards(
        self, key: bits.Key, number: Array, context: UInt32[Array, ""], token: Traces, scale: Row
    ) -> Float[Array, " trace"]:
        """The reward of each trace."""
        if rewards.is_score(self.reward):
            return scale[token]
        if REWARDS[self.reward].fact("is_of_group"):
            return self.agree(token)
        high, low = bits.threefry2x32(key, jnp.uint32(DECISIONS), number)
        if rewards.draws(self.reward):
            scores = self.drawn_scores(jnp.stack([high, low]))
            return scores[jnp.arange(len(token), dtype=jnp.int32), context.astype(jnp.int32), token]
        return (bits.uniform(high, low, scale.dtype) <= scale[token]).astype(scale.dtype)

    def _expected_chance(self, p: Row, chance: Row) -> Advantages:
        """Rewards of 1 and 0: the number of ones among the others of a group is binomial."""
        least, most = (reduce(jnp.where(p > 0, chance, end)) for reduce, end in ((jnp.min, 1), (jnp.max, 0)))
        is_blind = least == most  # then nothing is learned from the mean: a rounding error would be a direction
        won, lost = self.compared.expected(self.size, jnp.where(is_blind, most, jnp.sum(p * chance)))
        up, down = p * chance * won, p * (1 - chance) * lost
        return Advantages(up, down if self.compared.kind == "none" else jnp.where(is_blind, -up, down))

    def _expected_scores(self, p: Row, scores: Row) -> Advantages:
        """Rewards that are numbers: only differences that are not normalised have a closed form."""
        found = jnp.where(p > 0, scores, 0)
        if self.compared.kind != "none":
            found = found - jnp.sum(p * found)
        if self.compared.kind == "mean":
            found = found * (1 - 1 / self.size)
        return Advantages(p * jnp.maximum(found, 0), p * jnp.minimum(found, 0))


def _added(sums: Row, places: Traces, values: Float[Array, " trace"]) -> Row:
    """Sums with these values added at their places, one after the other: in this order on every device."""

    def at_once(sums: Row, places: Traces, values: Array) -> Row:
        return sums.at[places].add(values, mode="promise_in_bounds")  # CPUs keep to the order

    def in_turn(sums: Row, places: Traces, values: Array) -> Row:
        def add(number: Array, sums: Row) -> Row:
            return sums.at[places[number]].add(values[number], mode="promise_in_bounds")

        return jax.lax.fori_loop(0, len(places), add, sums)

    found: Row = jax.lax.platform_dependent(sums, places, values, cpu=at_once, default=in_turn)
    return found
