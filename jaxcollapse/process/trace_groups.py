"""Groups of traces of several tokens: each is judged as a whole, and its advantage counts for all of its tokens."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.process.groups import Groups, Sums
from jaxcollapse.process.one_by_one import Keys, Number, OneByOne, keys_of
from jaxcollapse.sampling import bits
from jaxcollapse.training import rewards
from jaxcollapse.training.advantages import Advantages
from jaxcollapse.walks.walk import Counts, Table

_TRACE, _GROUP = 0, 1  # keys of a trace, and of what a group starts with
_PASSED, _SCORED = 1, 2  # decisions: whether a trace gets a reward of 1; the numbers that a random reward draws


@dataclass(frozen=True)
class TraceGroups(Groups):
    """Groups of a model in which a trace has several tokens.

    Attributes:
        traces: how traces are drawn.
        needs: which of its tokens make a trace correct: "all", "last" or "any".
    """

    traces: OneByOne
    needs: str

    def drawn(self, key: bits.Key, number: Int32[Array, ""]) -> tuple[Advantages, Counts]:
        """Advantages of so many traces, and counts of the tokens that are trained on."""
        rows, tokens = self.traces.shape
        is_trained = jnp.asarray(self.traces.walk.counted())
        scores = self.scores if rewards.is_score(self.reward) else None

        def block(index: Array, sums: Sums) -> Sums:
            trace = (index * self.at_once + jnp.arange(self.at_once, dtype=jnp.int32)).astype(jnp.int32)
            keys, starts = keys_of(key, trace, jnp.full_like(trace, _TRACE)), None
            if not self.traces.walk.learns_start:
                starts = keys_of(key, trace // self.size, jnp.full_like(trace, _GROUP))
            advantage = self.advantages(self._rewards(keys, starts, scores))

            def count(sums: Sums, context: Number, pair: Number, is_there: Array) -> Sums:
                return sums.with_drawn(pair, advantage, is_there & is_trained[context] & (trace < number))

            found: Sums = self.traces.along(keys, count, sums, starts)
            return found

        sums = jax.lax.fori_loop(0, -(-number // self.at_once), block, Sums.of(rows * tokens, self.traces.dtype))
        up, down, counts = (each.reshape(rows, tokens) for each in sums)
        trained = jnp.maximum(jnp.sum(counts, dtype=jnp.int32), 1).astype(up.dtype)
        return Advantages(up / trained, down / trained), counts

    def _rewards(self, keys: Keys, starts: Keys | None, scores: Table | None) -> Float[Array, " trace"]:
        drawn = scores
        if rewards.draws(self.reward):
            drawn = self.drawn_scores(self.traces.words(keys, _SCORED))
        correct = None if drawn is not None else self.judged.correct
        verdict = self.traces.judged(keys, drawn, correct, self.needs, starts)
        return self.of(verdict, partial(self.traces.uniform, keys, _PASSED))
