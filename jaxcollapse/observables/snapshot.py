"""What an observable sees: the model at one generation, and where it came from."""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.observables.smoothing import FEWEST, Left, left_of
from jaxcollapse.observables.tempering import Tempering, kl_divergence, nearest_tempering
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.octaves import Scaled
from jaxcollapse.sampling.selection import at_least
from jaxcollapse.training.rewards import Rewarded
from jaxcollapse.walks.sequence import Author
from jaxcollapse.walks.walk import Numbers, Table, Visits, Walk

ATTEMPTS = tuple(2**power for power in range(11))  # k of pass@k, unless the sweep has others
TEXTS, LENGTH = 16, 32  # texts that are drawn from a model to look at, and their tokens
MANY_TEXTS = 64  # the same, of a network, for shares and entropies

Row = Float[Array, " token"]
Scalar = Float[Array, ""]
Texts = Int32[Array, "text position"]


class SweepThresholds(NamedTuple):
    """The thresholds of a sweep.

    Attributes:
        support: a token counts as present while its probability is above this.
        collapse: ε in the condition max p ≥ 1 − ε of a collapsed model.
    """

    support: Scalar
    collapse: Scalar


class Origin(NamedTuple):
    """The initial distribution p0 of a trajectory, and what is computed from it once.

    In a model of several rows, all but `table` and `given` are about the tokens of traces, in any context.

    Attributes:
        table: logits of p0, [context, token].
        given: logits that real data are drawn from, [context, token]; p0's parameters may only come close to them.
        logits: logits of the tokens, [token].
        log_p: logarithms of their probabilities, [token].
        p: their probabilities, [token].
        present: the tokens whose probability is above the threshold of support, [token].
        modes: the most likely tokens, [token].
        rarest: weight of each token in the rarest tenth, [token].
        heterozygosity: 1 − Σ p².
        samples: N of a refit to N samples, at least 1000, which smooths what it has lost; None if it loses nothing.
        correct: the correct tokens of each row, [context, token]; None if none are known.
    """

    table: Table
    given: Table
    logits: Row
    log_p: Row
    p: Row
    present: Bool[Array, " token"]
    modes: Bool[Array, " token"]
    rarest: Row
    heterozygosity: Scalar
    samples: Scalar | None = None
    correct: Bool[Array, "context token"] | None = None


def origin(
    table: Table,
    given: Table,
    thresholds: SweepThresholds,
    walk: Walk,
    numbers: Numbers,
    samples: Scalar | None = None,
    correct: Bool[Array, "context token"] | None = None,
) -> Origin:
    """Derives from the initial logits what the observables compare with."""
    logits = walk.marginal(table, numbers)
    log_p = jax.nn.log_softmax(logits)
    p = jnp.exp(log_p)
    return Origin(
        table=table,
        given=given,
        logits=logits,
        log_p=log_p,
        p=p,
        present=p > thresholds.support,
        modes=logits == jnp.max(logits),
        rarest=_rarest_decile(logits),
        heterozygosity=1 - jnp.sum(p * p),
        samples=None if samples is None else jnp.maximum(samples, FEWEST),
        correct=correct,
    )


@jax.jit
def _rarest_decile(logits: Row) -> Row:
    """Weight 1 for the rarest tenth of the tokens (rounded up); tokens that tie at the edge share what is left."""
    possible = logits > -jnp.inf
    total = jnp.sum(possible, dtype=jnp.int32)
    rest = total - (total + 9) // 10
    upper = at_least(logits, possible.astype(jnp.int32), rest)
    edge = jnp.min(jnp.where(upper & possible, logits, jnp.inf))
    above, tied = possible & (logits > edge), possible & (logits == edge)
    places = (rest - jnp.sum(above, dtype=jnp.int32)).astype(logits.dtype)
    share = 1 - places / jnp.maximum(jnp.sum(tied, dtype=logits.dtype), 1)
    return jnp.where(possible & ~above, jnp.where(tied, share, 1), 0).astype(logits.dtype)


class Snapshot:
    """A model at one generation. Derived quantities are computed once, when first asked for.

    Attributes:
        table: logits of the model, [context, token].
        start: the initial distribution p0.
        thresholds: of support and collapse.
        walk: how traces move over the rows.
        numbers: the length of traces, and their end token.
        key: of random numbers for texts; None if no observable reads texts.
        visited: the rows that traces have been drawn from so far, [context]; None if they are not recorded.
        scaled: the table, with octaves kept apart if there are any.
        correct_trace: which tokens of a trace make it correct: "all", "last" or "any".
        rewarded: the function that gives the rewards of the model's traces; None if no observable reads them.
        attempts: the k of pass@k.
        author: what writes texts of the model; None if the walk does, from the table.
    """

    def __init__(
        self,
        table: Table,
        start: Origin,
        thresholds: SweepThresholds,
        walk: Walk,
        numbers: Numbers,
        key: bits.Key | None = None,
        visited: Bool[Array, " context"] | None = None,
        scaled: Scaled | None = None,
        correct_trace: str = "all",
        rewarded: Callable[[], Rewarded] | None = None,
        attempts: tuple[int, ...] = ATTEMPTS,
        author: Author | None = None,
    ):
        self.table = table
        self.start = start
        self.thresholds = thresholds
        self.walk = walk
        self.numbers = numbers
        self.key = key
        self.visited = visited
        self.correct_trace = correct_trace
        self.rewarded = rewarded
        self.attempts = attempts
        self.author = author
        self.scaled = scaled or Scaled(table, None)

    @cached_property
    def logits(self) -> Row:
        """Logits of the tokens at a random place of a trace, in any context [token]."""
        return self.walk.marginal(self.table, self.numbers)

    @cached_property
    def log_p(self) -> Row:
        """Logarithms of the probabilities of the tokens, ln p [token]."""
        return jax.nn.log_softmax(self.logits)

    @cached_property
    def p(self) -> Row:
        """Probabilities of the tokens [token].

        They are computed as in the training step, so that a compiler can share the work.
        """
        return jax.nn.softmax(self.logits)

    @property
    def probabilities(self) -> Row:
        """Probabilities of the tokens [token]: another name of `p`."""
        return self.p

    @cached_property
    def modal_probability(self) -> Scalar:
        """Probability of the most likely token, max p."""
        return jnp.max(self.p)

    @cached_property
    def collision_probability(self) -> Scalar:
        """Probability that two tokens drawn from p are equal, F = Σ p²."""
        return jnp.sum(self.p * self.p)

    @cached_property
    def least_present_probability(self) -> Scalar:
        """The smallest probability among the tokens that p0 had above `support_threshold`."""
        return jnp.min(jnp.where(self.start.present, self.p, jnp.inf))

    @cached_property
    def least_correct_probability(self) -> Scalar:
        """The smallest probability, in any row, of a correct token that p0 had above `support_threshold` there."""
        assert self.start.correct is not None
        is_text = jnp.asarray(self.walk.is_text())[:, jnp.newaxis]
        could = is_text & self.start.correct & (jnp.exp(self.log_start) > self.thresholds.support)
        return jnp.min(jnp.where(could, jax.nn.softmax(self.table, axis=-1), jnp.inf))

    @cached_property
    def entropy(self) -> Scalar:
        """Shannon entropy of the tokens in nat, S = −Σ p ln p."""
        return -jnp.sum(jnp.where(self.p > 0, self.p * self.log_p, 0))

    @cached_property
    def from_start(self) -> Tempering:
        """The tempered p0 that is nearest to p."""
        return nearest_tempering(self.log_p, self.start.logits)

    @cached_property
    def back_to_start(self) -> Tempering:
        """The tempered p that is nearest to p0."""
        return self.smoothed_back.unless(self._left.is_lost)

    @cached_property
    def smoothed_kl(self) -> Scalar:
        """KL(p0 ‖ p), p smoothed."""
        return self._left.loss(kl_divergence(self._left.log_p, self.log_p))

    @cached_property
    def smoothed_back(self) -> Tempering:
        """The tempered p that is nearest to p0, smoothed after tempering."""
        temperature, gap = nearest_tempering(self._left.log_p, self.logits_in_range)
        whole = temperature if self.walk.is_structured else self.at_scale(temperature)
        return Tempering(whole, self._left.loss(gap))

    @cached_property
    def _left(self) -> Left:
        return left_of(self.start.log_p, self.log_p, self.start.samples)

    @property
    def logits_in_range(self) -> Row:
        """Logits of the tokens [token], within the range of floating point.

        In a model of one row they lack the octaves that are kept apart, which are a temperature.
        """
        return self.logits if self.walk.is_structured else self.scaled.table[0]

    def at_scale(self, temperature: Scalar) -> Scalar:
        """A temperature of the whole table, from that of the one in range: at most the largest number, if not ∞."""
        if self.scaled.octaves is None:
            return temperature
        whole = jnp.minimum(jnp.ldexp(temperature, self.scaled.octaves), np.finfo(temperature.dtype).max)
        return jnp.where(jnp.isfinite(temperature) & (self.scaled.octaves != 0), whole, temperature)

    @cached_property
    def log_rows(self) -> Table:
        """Logarithms of the probabilities in each row of the model's table [context, token]."""
        return jax.nn.log_softmax(self.table, axis=-1)

    @cached_property
    def log_start(self) -> Table:
        """Logarithms of the probabilities in each row of the table of p0 [context, token]."""
        return jax.nn.log_softmax(self.start.table, axis=-1)

    @cached_property
    def visits(self) -> Visits:
        """Share of each row in the tokens of the model's traces [context]."""
        return _shares(self.walk.visits(self.table, self.numbers))

    @cached_property
    def start_visits(self) -> Visits:
        """Share of each row in the tokens of traces drawn from p0 [context]."""
        return _shares(self.walk.visits(self.start.table, self.numbers))

    @cached_property
    def texts(self) -> Texts:
        """A few texts of a few tokens, drawn from the model at temperature 1; −1 after their end."""
        assert self.key is not None
        if self.author is not None:
            return self.author.texts(self.key, TEXTS, LENGTH)
        return self.walk.traces(self.key, self.table, TEXTS, LENGTH, self.numbers)

    @cached_property
    def whole_texts(self) -> Texts:
        """More texts of a network, with their prompts."""
        assert self.key is not None
        assert self.author is not None
        return self.author.texts(bits.fold_in(self.key, 1), MANY_TEXTS, self.author.prompt + LENGTH)

    @property
    def written(self) -> Texts:
        """What the network has drawn of these texts."""
        assert self.author is not None
        return self.whole_texts[:, self.author.prompt :]

    def one_by_one(self, key: bits.Key, number: int, length: int) -> Texts:
        """Texts that are drawn in turns, so that how many there are has no influence on any; −1 after their end."""
        if self.author is not None:
            return self.author.texts(key, number, length)

        def text(index: Int32[Array, ""]) -> Int32[Array, " position"]:
            return self.walk.traces(bits.fold_in(key, index), self.table, 1, length, self.numbers)[0]

        return jax.lax.map(text, jnp.arange(number, dtype=jnp.int32))


def _shares(visits: Visits) -> Visits:
    return visits / jnp.maximum(jnp.sum(visits), 1e-37)
