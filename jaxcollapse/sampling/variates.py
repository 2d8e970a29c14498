"""Exact Poisson and binomial counts, elementwise.

Means below 10 use inversion from the survival side: the probabilities of 1, 2, … are built by their recurrence and
summed from the far end, so that P(K ≥ 1) keeps its relative precision however small the mean is. Larger means use
Hörmann's transformed rejection, with the log probability written as a deviance so that float32 suffices: a count is an
integer near the mean plus a small offset, and (1 + t) ln(1 + t) − t is taken from its series where it would cancel.

Sources: Hörmann (1993), "The transformed rejection method for generating Poisson random variables" (PTRS) and
"The generation of binomial random variates" (BTRS); Loader (2000), "Fast and accurate computation of binomial
probabilities", for the deviance.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.sampling import bits

_SWITCH = 10.0  # means from here on use rejection: its constants hold from 10 on
_TERMS = 40  # P(K > 40) < 1e-12 for means below 10, less than float32 resolves
_HALF_LOG_TWO_PI = 0.9189385332046727

Counts = Int32[Array, " n"]
Reals = Float[Array, " n"]


def poisson(key: bits.Key, mean: Reals) -> Counts:
    """Independent Poisson counts with these means, 0 ≤ mean < 2³¹ − 2²⁰."""
    is_large = mean >= _SWITCH
    small, large = jnp.where(is_large, 0, mean), jnp.where(is_large, mean, _SWITCH)
    few = _invert(key, jnp.exp(-small), lambda k: small / k)

    spread = 0.931 + 2.53 * jnp.sqrt(large)
    proposal = _Proposal(
        mean=large,
        shift=0.43,
        spread=spread,
        skew=-0.059 + 0.02483 * spread,
        scale=1.1239 + 1.1328 / (spread - 3.4),
        quick=0.9277 - 3.6224 / (spread - 2),
    )

    def log_probability(count: Counts, excess: Reals) -> Reals:
        deviance = large * _deviance((excess + 0.5) / large)
        return -deviance - 0.5 * jnp.log(large) - _HALF_LOG_TWO_PI - _stirling_rest(count.astype(mean.dtype))

    return jnp.where(is_large, _reject(key, is_large, proposal, log_probability), few)


def binomial(key: bits.Key, trials: Counts, probability: Float[Array, ""]) -> Counts:
    """Independent binomial counts with one `probability` ≤ ½ for all; `trials` ≥ 0."""
    p, n = probability, trials.astype(probability.dtype)
    is_large = n * p >= _SWITCH
    odds = p / (1 - p)
    none = jnp.exp(jnp.where(is_large, 0, n) * jnp.log1p(-p))
    few = _invert(key, none, lambda k: jnp.maximum(n - (k - 1), 0) / k * odds)

    n = jnp.where(is_large, n, 2 * _SWITCH / jnp.where(p > 0, p, 1))
    mean = n * p
    deviation = jnp.sqrt(mean * (1 - p))
    spread = 1.15 + 2.53 * deviation
    proposal = _Proposal(
        mean=mean,
        shift=0.5,
        spread=spread,
        skew=-0.0873 + 0.0248 * spread + 0.01 * p,
        scale=(2.83 + 5.1 / spread) * deviation,
        quick=0.92 - 4.2 / spread,
    )
    # With x = k + ½, y = n − k + ½, so that x + y = n + 1, Stirling's formula at half-integers leaves two deviances
    # about (n + 1)p and (n + 1)(1 − p), two small rests, and a constant that cancels against the mode's.
    centre, other_centre = (n + 1) * p, (n + 1) * (1 - p)

    def up_to_a_constant(count: Counts, others: Counts, excess: Reals) -> Reals:
        above = excess + 0.5 - p
        deviance = centre * _deviance(above / centre) + other_centre * _deviance(-above / other_centre)
        return -deviance - _stirling_rest(count.astype(n.dtype)) - _stirling_rest(others.astype(n.dtype))

    mode = jnp.floor(centre)
    at_mode = up_to_a_constant(mode.astype(jnp.int32), (n - mode).astype(jnp.int32), mode - mean)

    def log_ratio_to_mode(count: Counts, excess: Reals) -> Reals:
        ratio = up_to_a_constant(count, trials - count, excess) - at_mode
        return jnp.where(count <= trials, ratio, -jnp.inf)

    return jnp.where(is_large, _reject(key, is_large, proposal, log_ratio_to_mode), few)


class _Proposal(NamedTuple):
    """Constants of the transformed rejection for each element, in Hörmann's notation."""

    mean: Reals
    shift: float  # c − μ
    spread: Reals  # b
    skew: Reals  # a
    scale: Reals  # 1/α of PTRS, α of BTRS
    quick: Reals  # v_r


def _invert(key: bits.Key, none: Reals, ratio: Callable[[int], Reals]) -> Counts:
    """Counts from P(0) = `none` and `ratio(k)` = P(k)/P(k − 1)."""
    terms = [none]
    for k in range(1, _TERMS + 1):
        terms.append(terms[-1] * ratio(k))
    u = bits.uniform(*bits.words(bits.fold_in(key, 0), none.shape[0]), none.dtype)
    survival, count = jnp.zeros_like(none), jnp.zeros(none.shape, jnp.int32)
    for term in terms[:0:-1]:
        survival = survival + term
        count = count + (u < survival).astype(jnp.int32)
    return count


def _reject(
    key: bits.Key, wanted: Bool[Array, " n"], proposal: _Proposal, log_target: Callable[[Counts, Reals], Reals]
) -> Counts:
    """Transformed rejection: proposes until every wanted element has accepted. Each keeps its first acceptance."""
    mean, spread, skew = proposal.mean, proposal.spread, proposal.skew
    whole = jnp.floor(mean)
    fraction = mean - whole
    dtype = mean.dtype

    def propose(state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        attempt, waiting, counts = state
        high, low = bits.words(bits.fold_in(key, attempt), mean.shape[0])
        edge = ((high >> jnp.uint32(1)).astype(dtype) + 0.5) * 2.0**-32  # distance of |U| from ½, in (0, ½]
        side = jnp.where(high & jnp.uint32(1), 0.5 - edge, edge - 0.5)
        v = (low.astype(dtype) + 0.5) * 2.0**-32
        offset = jnp.floor((2 * skew / edge + spread) * side + fraction + proposal.shift)
        offset = jnp.clip(offset, -(2.0**30), 2.0**30)
        count = whole.astype(jnp.int32) + offset.astype(jnp.int32)
        level = jnp.log(v * proposal.scale / (skew / (edge * edge) + spread))
        target = jnp.where(count >= 0, log_target(jnp.maximum(count, 0), offset - fraction), -jnp.inf)
        accepted = ((edge >= 0.07) & (v <= proposal.quick)) | (level <= target)
        counts = jnp.where(waiting & accepted, count, counts)
        return attempt + 1, waiting & ~accepted, counts

    start = (jnp.uint32(1), wanted, jnp.zeros(mean.shape, jnp.int32))
    return jax.lax.while_loop(lambda state: jnp.any(state[1]), propose, start)[2]


def _deviance(t: Reals) -> Reals:
    """(1 + t) ln(1 + t) − t for t ≥ −1."""
    series = jnp.full_like(t, 1 / 72)
    for k in (56, 42, 30, 20, 12, 6, 2):
        series = 1 / k - t * series
    closed = jnp.maximum(t, -0.999999)
    return jnp.where(jnp.abs(t) < 0.15, t * t * series, (1 + closed) * jnp.log1p(closed) - closed)


def _stirling_rest(k: Reals) -> Reals:
    """ln k! − [x ln x − x + ½ ln 2π] with x = k + ½ for whole numbers k, to float32 precision or better."""
    x = k + 0.5
    inverse = 1 / x
    square = inverse * inverse
    series = -inverse * (1 / 24 - square * (7 / 2880 - square * (31 / 40320)))
    return jnp.where(k == 0, -0.07236494292469997, jnp.where(k == 1, -0.027136195366919247, series))
