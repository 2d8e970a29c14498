"""Whole traces, drawn one by one, judged, and counted if they are kept.

The reward of a trace belongs to all of its tokens together, so that no table of probabilities has the law of what is
kept.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from jaxcollapse.process.one_by_one import Judgement, Keys, Number, OneByOne, keys_of
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.choice import CHOICES, happens, nobody
from jaxcollapse.training.rewards import Rates
from jaxcollapse.walks.walk import Counts, Table

PATIENCE = 1000  # attempts of a verifier for each trace that it has accepted, and the next one
_CANDIDATE, _VERIFIER = 0, 1


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
        drawn: how they are drawn.
        curation: how one of several traces is chosen; "none" if there is one only.
        rewards: reward of each pair, [context, token]; the reward of a trace is their sum over it, divided by the
            number of its tokens. None if no trace is chosen by reward.
        correct: the pairs that a verifier holds to be correct, [context, token]; None if there is no verifier.
        needs: which of its tokens make a trace correct: "all", "last" or "any".
        rates: shares of traces that the verifier accepts.
        at_once: number of traces that are drawn together, which has no influence on what is kept.
        candidates: number of traces that one is chosen from.
        counts_drawn: whether traces that a verifier rejects count, too, but have no tokens.
    """

    drawn: OneByOne
    curation: str
    rewards: Table | None
    correct: Bool[Array, "context token"] | None
    needs: str
    rates: Rates
    at_once: int
    candidates: Int32[Array, ""]
    counts_drawn: bool = False

    def counts(self, key: bits.Key, traces: Int32[Array, ""]) -> Counts:
        """Counts over (context, token) of so many kept traces."""
        nothing, (rows, tokens) = jnp.int32(0), self.drawn.shape
        start = _Progress(nothing, nothing, nothing, jnp.zeros(rows * tokens, jnp.int32))
        block = partial(self._block, key, traces)

        def goes_on(so_far: _Progress) -> Bool[Array, ""]:
            return (so_far.attempts if self.counts_drawn else so_far.kept) < traces

        end = jax.lax.while_loop(goes_on, block, start)
        counts = end.counts.reshape(rows, tokens)
        return jnp.where(jnp.asarray(self.drawn.walk.counted())[:, jnp.newaxis], counts, 0)

    def _block(self, key: bits.Key, traces: Int32[Array, ""], so_far: _Progress) -> _Progress:
        """The next attempts. Those that are kept are the first so many, in the order of their numbers.

        Where drawn traces count, those of the first so many are kept that are accepted.
        """
        number = so_far.attempts + jnp.arange(self.at_once, dtype=jnp.int32)
        candidate, is_correct = self._chosen(key, number)
        keys = keys_of(key, number, candidate)
        passes = jnp.ones(number.shape, bool)
        if self.correct is not None:
            passes = self.drawn.uniform(keys, _VERIFIER) <= self.rates.of(is_correct)
        accepted = so_far.accepted + jnp.cumsum(passes, dtype=jnp.int32)
        before = accepted - passes.astype(jnp.int32)
        is_kept = passes & (number < traces) if self.counts_drawn else passes | (number // PATIENCE > before)
        place = so_far.kept + jnp.cumsum(is_kept, dtype=jnp.int32)
        is_kept &= place <= traces

        def count(counts: Array, context: Number, pair: Number, is_there: Array) -> Array:
            return counts.at[pair].add((is_there & is_kept).astype(jnp.int32), mode="promise_in_bounds")

        return _Progress(
            so_far.attempts + self.at_once,
            accepted[-1],
            jnp.minimum(place[-1], traces),
            self.drawn.along(keys, count, so_far.counts),
        )

    def _chosen(self, key: bits.Key, number: Number) -> tuple[Number, Array]:
        """Which candidate is best in each attempt, and whether it is correct."""
        nobody_yet = nobody(jnp.zeros(number.shape, self.drawn.dtype))
        start = nobody_yet, jnp.zeros_like(number), jnp.ones(number.shape, bool)
        if self.curation == "none":
            return start[1], self._judged(keys_of(key, number, start[1])).is_correct

        def compare(index: Array, best: tuple[Any, Number, Array]) -> tuple[Any, Number, Array]:
            standing, candidate, was_correct = best
            keys = keys_of(key, number, jnp.full_like(number, index))
            verdict = self._judged(keys)
            standing, log_odds = CHOICES[self.curation](standing, verdict.score)
            wins = happens(self.drawn.uniform(keys, _CANDIDATE), log_odds)
            return standing, jnp.where(wins, index, candidate), jnp.where(wins, verdict.is_correct, was_correct)

        return jax.lax.fori_loop(0, self.candidates, compare, start)[1:]

    def _judged(self, keys: Keys) -> Judgement:
        return self.drawn.judged(keys, self.rewards, self.correct, self.needs)
