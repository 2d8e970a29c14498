"""Selection among samples: the best of K candidates by a reward, and a verifier that accepts some tokens more readily.

Each takes the logits of one row to those of a token that is kept, exactly: so any number of kept tokens is a
multinomial draw, and infinitely many are possible. A selection that prefers nothing (one candidate, equal rewards,
equal rates) gives back the logits that it was given, bit for bit: otherwise an optimiser with moments would turn the
rounding of a formula into drift.

Sources: Bradley and Terry (1952) for the choice in proportion to e^reward; Ferbach et al. (2024, arXiv 2407.09499) for
curated self-training, and its limit of many candidates.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Row = Float[Array, " token"]
Number = Float[Array, ""]

WIDEST = 1e4  # span of rewards, in logarithms; what is further below is as if it were that far
_STEP = 0.5  # of the quadrature; its error falls like exp(−π²/step), here 3e-9
_LOWEST, _RARE = -1e30, 1e-6  # a logarithm below all; K times a share below which it is the chance to occur
_CUT = 18.0  # in logarithms: what is beyond adds less than 2e-8


def bradley_terry(logits: Row, rewards: Row, candidates: Number) -> Row:
    """The law of one of K independent tokens, kept with probability proportional to e^reward; for K = ∞, q ∝ p e^r.

    q_i = K p_i E[w_i / (w_i + Σ of K − 1 others' w)], w = e^r. With 1/S = ∫ e^{−tS} dt the mean over the others is
    φ(t)^{K−1}, φ(t) = Σ p e^{−tw}; the integral over ln t is a sum over equidistant points.
    """
    log_p, rewards = _prepared(logits, rewards)
    p, rewards = jnp.exp(log_p), jnp.maximum(rewards, -WIDEST)
    finite = jnp.where(jnp.isinf(candidates), 2, candidates)
    first = -_CUT - jnp.log(finite)
    last = jnp.log(_CUT) - jnp.min(rewards)
    points = jnp.ceil((last - first) / _STEP).astype(jnp.int32) + 1

    def add(index: Array, total: Row) -> Row:
        log_t = first + _STEP * index.astype(logits.dtype)
        exponent = jnp.exp(log_t + rewards)
        below_one = jnp.sum(p * jnp.expm1(-exponent))
        near, far = jnp.log1p(jnp.maximum(below_one, -0.5)), jnp.log(jnp.sum(p * jnp.exp(-exponent)))
        log_others = jnp.where(finite > 1, (finite - 1) * jnp.where(below_one < -0.5, far, near), 0)
        return total + jnp.exp(log_t + rewards - exponent + log_others)

    total = jax.lax.fori_loop(0, points, add, jnp.zeros_like(p))
    chosen = log_p + jnp.log(total)
    return _selected(logits, rewards, candidates, jnp.where(jnp.isinf(candidates), log_p + rewards, chosen))


def argmax(logits: Row, rewards: Row, candidates: Number) -> Row:
    """The law of the token of the greatest reward among K independent ones; tokens that tie share its place.

    With F_i the probability of a reward no greater than r_i, and g_i of just that one,
    q_i = p_i (F_i^K − (F_i − g_i)^K) / g_i.
    """
    log_p, unsorted = _prepared(logits, rewards)
    order = jnp.argsort(unsorted)
    log_p, rewards, tokens = log_p[order], unsorted[order], len(logits)
    is_new = jnp.concatenate([jnp.zeros(1, bool), rewards[1:] != rewards[:-1]])
    group = jnp.cumsum(is_new, dtype=jnp.int32)
    most = jnp.maximum(jax.ops.segment_max(log_p, group, tokens), _LOWEST)
    log_mass = most + jnp.log(jax.ops.segment_sum(jnp.exp(log_p - most[group]), group, tokens))
    log_upto = jax.lax.cumlogsumexp(log_mass)
    log_upto -= log_upto[-1]
    share = jnp.exp(jnp.minimum(log_mass - log_upto, 0))  # of a reward, in what is no greater
    finite = jnp.where(jnp.isinf(candidates), 1, candidates)
    several = jnp.log(-jnp.expm1(finite * jnp.log1p(-share))) - log_mass
    log_kept = finite * log_upto + jnp.where(finite * share < _RARE, jnp.log(finite) - log_upto, several)
    log_kept = jnp.where(log_mass > -jnp.inf, log_kept, 0)  # of groups that are not there
    place = jnp.arange(tokens, dtype=jnp.int32)
    is_best = place == jnp.max(jnp.where(log_mass > -jnp.inf, place, 0))
    log_kept = jnp.where(jnp.isinf(candidates), jnp.where(is_best, 0, -jnp.inf), log_kept)
    return _selected(logits, unsorted, candidates, jnp.zeros_like(log_p).at[order].set(log_p + log_kept[group]))


CURATIONS: dict[str, Callable[[Row, Row, Number], Row]] = {"bradley_terry": bradley_terry, "argmax": argmax}


def verified(logits: Row, correct: Bool[Array, " token"], true_rate: Number, false_rate: Number) -> Row:
    """Tokens that are drawn until one is accepted: a correct one with `true_rate`, another with `false_rate`.

    q_i ∝ p_i · rate. A verifier that accepts no possible token gives up: then all tokens pass.
    """
    rates, possible = jnp.where(correct, true_rate, false_rate), logits > -jnp.inf
    is_neutral = jnp.max(jnp.where(possible, rates, -jnp.inf)) == jnp.min(jnp.where(possible, rates, jnp.inf))
    return jnp.where(is_neutral, logits, logits + jnp.log(rates))


def _prepared(logits: Row, rewards: Row) -> tuple[Row, Row]:
    """ln p, and rewards less the greatest one of a possible token; impossible tokens have that one, too."""
    log_p = jax.nn.log_softmax(logits)
    possible = logits > -jnp.inf
    greatest = jnp.max(jnp.where(possible, rewards, -jnp.inf))
    return log_p, jnp.where(possible, rewards - greatest, 0)


def _selected(logits: Row, rewards: Row, candidates: Number, chosen: Row) -> Row:
    """The `chosen` logits of possible tokens; the logits as they were given where there is nothing to choose from."""
    is_neutral = (candidates == 1) | jnp.all(rewards == 0)
    return jnp.where(is_neutral, logits, jnp.where(logits > -jnp.inf, chosen, -jnp.inf))
