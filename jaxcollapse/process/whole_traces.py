"""Whole traces, drawn one by one, judged, and counted if they are kept.

The reward of a trace belongs to all of its tokens together, so that no table of probabilities has the law of what is
kept. Candidates are walked through from token to token, each draw as exact as that of a count; none is stored: the one
that is kept is walked through again, with the same random words, to be counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32, UInt32

from jaxcollapse.sampling import bits, tree
from jaxcollapse.sampling.choice import CHOICES, happens, nobody
from jaxcollapse.training.rewards import Rates
from jaxcollapse.walks.walk import Counts, Numbers, Table, Walk

PATIENCE = 1000  # attempts of a verifier for each trace that it has accepted, and the next one
_DECISIONS = 2**30  # first word of counters of what is decided about a trace; those of its tokens are levels of trees
_CANDIDATE, _VERIFIER = 0, 1

Keys = UInt32[Array, "2 trace"]
Number = Int32[Array, " trace"]


class _Progress(NamedTuple):
    """How far the drawing of traces has come.

    Attributes:
        attempts: traces drawn so far.
        accepted: those of them that a verifier accepts.
        kept: those of them that are in `counts`.
        counts: their (context, token) pairs.
    """

    attempts: Int32[Array, ""]
    accepted: Int32[Array, ""]
    kept: Int32[Array, ""]
    counts: Int32[Array, " pair"]


@dataclass(frozen=True)
class Judging:
    """How traces of a walk are drawn, and which of them are kept.

    Attributes:
        walk: the walk.
        numbers: the length of traces, and their end token.
        weights: weights of the tokens, to draw from, [context, token].
        curation: how one of several traces is chosen; "none" if there is one only.
        rewards: reward of each pair, [context, token]; the reward of a trace is their sum over it, divided by the
            number of its tokens. None if no trace is chosen by reward.
        correct: the pairs that a verifier does not object to, [context, token]; a trace is correct if all of its pairs
            are. None if there is no verifier.
        rates: shares of traces that the verifier accepts.
        at_once: number of traces that are drawn together, which has no influence on what is kept.
        places: number of draws of a trace.
        candidates: number of traces that one is chosen from.
    """

    walk: Walk
    numbers: Numbers
    weights: Table
    curation: str
    rewards: Table | None
    correct: Bool[Array, "context token"] | None
    rates: Rates
    at_once: int
    places: Int32[Array, ""]
    candidates: Int32[Array, ""]

    def counts(self, key: bits.Key, traces: Int32[Array, ""]) -> Counts:
        """Counts over (context, token) of so many kept traces."""
        nothing, forest = jnp.int32(0), jax.vmap(tree.build)(self.weights).reshape(-1)
        start = _Progress(nothing, nothing, nothing, jnp.zeros(self.weights.size, jnp.int32))
        block = partial(self._block, key, forest, traces)
        end = jax.lax.while_loop(lambda so_far: so_far.kept < traces, block, start)
        counts = end.counts.reshape(self.weights.shape)
        return jnp.where(jnp.asarray(self.walk.counted())[:, jnp.newaxis], counts, 0)

    def _block(
        self, key: bits.Key, forest: Float[Array, " node"], traces: Int32[Array, ""], so_far: _Progress
    ) -> _Progress:
        """The next attempts. Those that are kept are the first so many, in the order of their numbers."""
        number = so_far.attempts + jnp.arange(self.at_once, dtype=jnp.int32)
        candidate, is_correct = self._chosen(key, forest, number)
        keys = _keys(key, number, candidate)
        passes = jnp.ones(number.shape, bool)
        if self.correct is not None:
            passes = self._uniform(keys, _VERIFIER) <= jnp.where(is_correct, self.rates.correct, self.rates.other)
        accepted = so_far.accepted + jnp.cumsum(passes, dtype=jnp.int32)
        before = accepted - passes.astype(jnp.int32)
        is_kept = passes | (number // PATIENCE > before)
        place = so_far.kept + jnp.cumsum(is_kept, dtype=jnp.int32)
        is_kept &= place <= traces

        def count(counts: Array, context: Number, pair: Number, is_there: Array) -> Array:
            return counts.at[pair].add((is_there & is_kept).astype(jnp.int32), mode="promise_in_bounds")

        return _Progress(
            so_far.attempts + self.at_once,
            accepted[-1],
            jnp.minimum(place[-1], traces),
            self._walk_through(keys, forest, count, so_far.counts),
        )

    def _chosen(self, key: bits.Key, forest: Float[Array, " node"], number: Number) -> tuple[Number, Array]:
        """Which candidate is best in each attempt, and whether it is correct."""
        nobody_yet = nobody(jnp.zeros(number.shape, self.weights.dtype))
        start = nobody_yet, jnp.zeros_like(number), jnp.ones(number.shape, bool)
        if self.curation == "none":
            return start[1], self._judged(_keys(key, number, start[1]), forest)[1]

        def compare(index: Array, best: tuple[Any, Number, Array]) -> tuple[Any, Number, Array]:
            standing, candidate, was_correct = best
            keys = _keys(key, number, jnp.full_like(number, index))
            reward, is_correct = self._judged(keys, forest)
            standing, log_odds = CHOICES[self.curation](standing, reward)
            wins = happens(self._uniform(keys, _CANDIDATE), log_odds)
            return standing, jnp.where(wins, index, candidate), jnp.where(wins, is_correct, was_correct)

        return jax.lax.fori_loop(0, self.candidates, compare, start)[1:]

    def _judged(self, keys: Keys, forest: Float[Array, " node"]) -> tuple[Float[Array, " trace"], Array]:
        """The reward of the traces of these keys, and whether they are correct."""
        is_text = jnp.asarray(self.walk.is_text())

        def add(verdict: tuple[Array, Array, Array], context: Number, pair: Number, is_there: Array) -> Any:
            total, tokens, is_correct = verdict
            if self.rewards is not None:
                total += jnp.where(is_there, self.rewards.reshape(-1)[pair], 0)
                tokens += (is_there & is_text[context]).astype(jnp.int32)
            if self.correct is not None:
                is_correct &= ~is_there | self.correct.reshape(-1)[pair]
            return total, tokens, is_correct

        zeros = jnp.zeros(keys.shape[1:], jnp.int32)
        start = zeros.astype(self.weights.dtype), zeros, zeros == 0
        total, tokens, is_correct = self._walk_through(keys, forest, add, start)
        return total / jnp.maximum(tokens, 1).astype(total.dtype), is_correct

    def _walk_through(
        self, keys: Keys, forest: Float[Array, " node"], visit: Callable[[Any, Number, Number, Array], Any], carry: Any
    ) -> Any:
        """Goes along traces, each from its own key, and visits (context, token) pairs: they are there up to the end."""
        rows, tokens = self.weights.shape
        nodes = len(forest) // rows

        def place(index: Array, state: tuple[Number, Any]) -> tuple[Number, Any]:
            context, carry = state
            row, is_there = jnp.maximum(context, 0), context >= 0
            number = jnp.full(context.shape, index, jnp.uint32)
            token = tree.draw(keys, forest, tokens, number, row * nodes)
            following = self.walk.following(row, token, self.numbers)
            carry = visit(carry, row, row * tokens + token, is_there)
            return jnp.where(is_there, following, -1), carry

        start = jnp.zeros(keys.shape[1:], jnp.int32), carry
        return jax.lax.fori_loop(0, self.places, place, start)[1]

    def _uniform(self, keys: Keys, decision: int) -> Float[Array, " trace"]:
        """A number for what is decided about a trace."""
        words = bits.threefry2x32(keys, jnp.uint32(_DECISIONS), jnp.full(keys.shape[1:], decision, jnp.uint32))
        return bits.uniform(*words, self.weights.dtype)


def _keys(key: bits.Key, number: Number, candidate: Number) -> Keys:
    """A key for each candidate of each attempt."""
    return jnp.stack(bits.threefry2x32(key, candidate.astype(jnp.uint32), number.astype(jnp.uint32)))
