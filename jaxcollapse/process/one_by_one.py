"""Traces of several tokens, walked through one by one, each from a key of its own.

Each draw is as exact as that of a count. No trace is stored: one is judged on a first walk, and walked through again,
with the same random words, where its tokens count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32, UInt32

from jaxcollapse.sampling import bits, tree
from jaxcollapse.walks.walk import Numbers, Table, Walk

DECISIONS = 2**30  # first word of counters of what is decided about a trace; those of its tokens are levels of trees

Keys = UInt32[Array, "2 trace"]
Number = Int32[Array, " trace"]
Pairs = Bool[Array, "context token"]
Scores = Float[Array, "*trace context token"]


class Judgement(NamedTuple):
    """What is known of traces once they are judged.

    Attributes:
        score: sum of the scores of a trace over its (context, token) pairs, divided by the number of its tokens.
        is_correct: whether the trace is correct.
        answer: its last token, but for an end token; −1 if there is none.
    """

    score: Float[Array, " trace"]
    is_correct: Bool[Array, " trace"]
    answer: Number


@dataclass(frozen=True)
class OneByOne:
    """How traces of a walk are drawn.

    Attributes:
        walk: the walk.
        numbers: the length of traces, and their end token.
        places: number of draws of a trace.
        shape: rows and tokens of its table.
        dtype: floating-point type of scores.
        forest: partial sums of each row's weights, one row after the other.
    """

    walk: Walk
    numbers: Numbers
    places: Int32[Array, ""]
    shape: tuple[int, int]
    dtype: Any
    forest: Float[Array, " node"]

    @classmethod
    def of(cls, walk: Walk, numbers: Numbers, places: Int32[Array, ""], weights: Table) -> "OneByOne":
        """Traces that are drawn in proportion to these weights [context, token]."""
        forest = jax.vmap(tree.build)(weights).reshape(-1)
        rows, tokens = weights.shape
        return cls(walk, numbers, places, (rows, tokens), weights.dtype, forest)

    def along(
        self, keys: Keys, visit: Callable[[Any, Number, Number, Array], Any], carry: Any, starts: Keys | None = None
    ) -> Any:
        """Goes along traces, and visits (context, token) pairs: they are there up to the end.

        starts: keys of what each trace draws first, if it shares that with others.
        """
        rows, tokens = self.shape
        nodes = len(self.forest) // rows

        def place(index: Array, state: tuple[Number, Any]) -> tuple[Number, Any]:
            context, carry = state
            row, is_there = jnp.maximum(context, 0), context >= 0
            number = jnp.full(context.shape, index, jnp.uint32)
            own = keys if starts is None else jnp.where(index == 0, starts, keys)
            token = tree.draw(own, self.forest, tokens, number, row * nodes)
            following = self.walk.following(row, token, self.numbers)
            carry = visit(carry, row, row * tokens + token, is_there)
            return jnp.where(is_there, following, -1), carry

        start = jnp.zeros(keys.shape[1:], jnp.int32), carry
        return jax.lax.fori_loop(0, self.places, place, start)[1]

    def judged(
        self, keys: Keys, scores: Scores | None, correct: Pairs | None, needs: str = "all", starts: Keys | None = None
    ) -> Judgement:
        """Judges the traces of these keys.

        Args:
            keys: of the traces.
            scores: score of each pair [context, token], or in each trace [trace, context, token]; None if there are
                none.
            correct: the pairs that are correct [context, token]; None if none are known: then all traces are.
            needs: which of its tokens make a trace correct: "all", "last" or "any".
            starts: as of `along`.
        """
        is_text = jnp.asarray(self.walk.is_text())

        def add(verdict: tuple[Array, ...], context: Number, pair: Number, is_there: Array) -> tuple[Array, ...]:
            total, number, is_correct, answer = verdict
            is_token = is_there & is_text[context]
            token = pair - context * self.shape[1]
            is_answer = is_token & (token != self.numbers.end_token)
            if scores is not None:
                whole = scores.reshape(*scores.shape[:-2], -1)
                own = whole[pair] if whole.ndim == 1 else whole[jnp.arange(len(pair), dtype=jnp.int32), pair]
                total += jnp.where(is_there, own, 0)
                number += is_token.astype(jnp.int32)
            if correct is not None:
                is_right = correct.reshape(-1)[pair]
                if needs == "all":
                    is_correct &= ~is_there | is_right
                elif needs == "last":
                    is_correct = jnp.where(is_answer, is_right, is_correct)
                else:
                    is_correct |= is_answer & is_right
            return total, number, is_correct, jnp.where(is_answer, token, answer)

        zeros = jnp.zeros(keys.shape[1:], jnp.int32)
        start = zeros.astype(self.dtype), zeros, zeros == (0 if correct is None or needs == "all" else 1), zeros - 1
        total, number, is_correct, answer = self.along(keys, add, start, starts)
        return Judgement(total / jnp.maximum(number, 1).astype(total.dtype), is_correct, answer)

    def uniform(self, keys: Keys, decision: int) -> Float[Array, " trace"]:
        """A number in (0, 1] for what is decided about a trace."""
        high, low = self.words(keys, decision)
        return bits.uniform(high, low, self.dtype)

    def words(self, keys: Keys, decision: int) -> Keys:
        """Two random words for what is decided about a trace."""
        counter = jnp.full(keys.shape[1:], decision, jnp.uint32)
        return jnp.stack(bits.threefry2x32(keys, jnp.uint32(DECISIONS), counter))


def keys_of(key: bits.Key, number: Number, candidate: Number) -> Keys:
    """A key for each candidate of each attempt."""
    return jnp.stack(bits.threefry2x32(key, candidate.astype(jnp.uint32), number.astype(jnp.uint32)))
