"""Cooling or forgetting: the tempered copy of one distribution that comes nearest to another.

For a target t and a base b, KL(t ‖ τ_T(b)) is least where both give ln b the same mean, E_t[ln b] = E_{τ_T(b)}[ln b].
With d = max ln b − ln b ≥ 0 and β = 1/T this is the monotone equation f(β) = Σ d e^{−βd} / Σ e^{−βd} = E_t[d]. It is
solved for ln f by Halley's method inside a bracket, with the smallest positive d factored out, so that temperatures
down to 1e-18 (a base cooled for hundreds of generations) come out with full relative precision in float32. It starts at
the slope of a regression of ln t on −d under t, which is the solution but for squares of what is not tempering. A
target close to uniform says little about T: the relative error is about 1e-6 T there, and T = ∞ from about 1e6.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

_TOLERANCE = 1e-2  # a step of Halley's this small, relative to β, is the last: its error is below its cube
_MOST_ITERATIONS = 64
_COMMON_TOLERANCE = 1e-3  # a step of Newton's this small is the last: its error is about its square
_TINY = 1e-37
_FAR = 32  # binary orders of magnitude from 1, beyond which depths are scaled
_NOISE = 2e-6  # what is left of a difference of two like numbers may be rounding

Row = Float[Array, " token"]
Scalar = Float[Array, ""]


class Tempering(NamedTuple):
    """The temperature that brings one distribution nearest to another, and the divergence that remains.

    Attributes:
        temperature: where the divergence is least, in [0, ∞]; NaN if it does not depend on T, or is infinite.
        gap: that least divergence, in nat; ∞ if the target has a token that the base has lost.
    """

    temperature: Scalar
    gap: Scalar

    def unless(self, is_lost: Bool[Array, ""]) -> "Tempering":
        """The same tempering, but NaN and ∞ where the base has lost a token of the target."""
        return Tempering(jnp.where(is_lost, jnp.nan, self.temperature), jnp.where(is_lost, jnp.inf, self.gap))


def kl_divergence(log_p: Row, log_q: Row) -> Scalar:
    """KL(p ‖ q) = Σ p ln(p/q) in nat, as the sum of p (e^δ − 1 − δ) ≥ 0, δ = ln(q/p).

    Every term is positive, so that rounding errors enter squared: equal distributions give 1e-13, not ±1e-7.
    """
    p, q = jnp.exp(log_p), jnp.exp(log_q)
    delta = log_q - log_p
    is_near = jnp.abs(delta) <= 1
    small = jnp.where(is_near, delta, 0)
    near = p * small * small * _second_order(small)
    far = q - p - p * delta
    return jnp.sum(jnp.where(p > 0, jnp.where(is_near, near, far), q))


def _second_order(x: Row) -> Row:
    """(eˣ − 1 − x)/x² for |x| ≤ 1, to float32 precision: a polynomial fitted to it."""
    value = 2.4960815e-5 + jnp.zeros_like(x)
    for term in (2.0325484e-4, 1.3891335e-3, 8.3309305e-3, 4.1666516e-2, 1.6666696e-1, 5.0000001e-1):
        value = term + x * value
    return value


def nearest_tempering(log_target: Row, base: Row) -> Tempering:
    """The temperature T ∈ [0, ∞] at which softmax(`base` / T) is nearest to the target."""
    target = jnp.exp(log_target)
    possible = base > -jnp.inf
    depth, unit = _scaled(jnp.where(possible, jnp.max(base) - base, 0))
    is_deep = depth > 0
    modes = jnp.sum(possible & ~is_deep, dtype=base.dtype)
    step = jnp.min(jnp.where(is_deep, depth, jnp.inf))
    log_depth = jnp.log(jnp.where(is_deep, depth, 1))
    log_aim = jax.nn.logsumexp(jnp.where(is_deep, log_target + log_depth, -jnp.inf))

    def log_mean_depth(beta: Scalar) -> tuple[Scalar, Scalar, Scalar]:
        """ln f(β) and its two derivatives."""
        weight = jnp.where(is_deep, jnp.exp(-beta * (depth - step)), 0)
        first, second = jnp.sum(weight * depth), jnp.sum(weight * depth * depth)
        third = jnp.sum(weight * depth * depth * depth)
        below = jnp.exp(-beta * step)
        total = modes + below * jnp.sum(weight)
        mean, ratio = below * first / total, second / first
        slope, spread = mean - ratio, third / first - ratio * ratio
        bend = jnp.where(spread > _NOISE * ratio * ratio, spread, 0) + mean * slope
        return jnp.log(first) - beta * step - jnp.log(total), slope, bend

    def improve(state: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        iteration, beta, low, high, _ = state
        value, slope, bend = log_mean_depth(beta)
        excess = value - log_aim
        low, high = jnp.where(excess > 0, beta, low), jnp.where(excess > 0, high, beta)
        newton = excess / slope
        damping = 1 - newton * bend / (2 * slope)
        halley = beta - newton / jnp.where((damping > 0.5) & (damping < 2), damping, 1)
        bisected = jnp.where(high == jnp.inf, 2 * beta + 1, jnp.where(low > 0, jnp.sqrt(low * high), high / 8))
        is_last = ~(jnp.abs(halley - beta) > _TOLERANCE * beta)  # even if rounding leaves it on the bracket's edge
        better = jnp.where(is_last | ((halley > low) & (halley < high)), halley, bisected)
        return iteration + 1, better, low, high, is_last

    mean_depth = jnp.sum(depth) / jnp.sum(possible, dtype=base.dtype)
    flat = ~jnp.any(is_deep)
    lost = jnp.any((target > 0) & ~possible)
    is_uniform = jnp.max(log_target) == jnp.min(jnp.where(possible, log_target, jnp.inf))
    hottest = is_uniform | (log_aim >= jnp.log(mean_depth))
    coldest = log_aim == -jnp.inf
    solved = flat | lost | hottest | coldest
    zero = jnp.zeros((), base.dtype)
    start = (jnp.int32(0), _regression(target, log_target, depth), zero, zero + jnp.inf, solved)
    beta = jax.lax.while_loop(lambda s: ~s[4] & (s[0] < _MOST_ITERATIONS), improve, start)[1]
    beta = jnp.where(hottest, 0, jnp.where(coldest, jnp.inf, beta))

    cooled = jnp.where(is_deep, jnp.where(beta == jnp.inf, -jnp.inf, -beta * depth), 0)
    log_tempered = jax.nn.log_softmax(jnp.where(possible, cooled, -jnp.inf))
    return Tempering(
        temperature=jnp.where(flat | lost, jnp.nan, unit / beta),
        gap=jnp.where(lost, jnp.inf, kl_divergence(log_target, log_tempered)),
    )


def nearest_common_tempering(
    log_target: Float[Array, "row token"], base: Float[Array, "row token"], weights: Float[Array, " row"]
) -> Tempering:
    """The one temperature T ∈ [0, ∞] at which the rows softmax(`base` / T) are nearest to those of the target.

    Least is Σ weights · KL(target ‖ tempered). Its derivative with respect to β = 1/T is the mean depth at β less that
    of the target; it only grows, and its root is found by Newton's method in ln β inside a bracket.
    """
    target, possible = jnp.exp(log_target), base > -jnp.inf
    weight, counts = weights[:, jnp.newaxis], weights[:, jnp.newaxis] > 0
    depth, unit = _scaled(jnp.where(possible, jnp.max(base, axis=-1, keepdims=True) - base, 0))
    aim = jnp.sum(jnp.where(counts, weight * target * depth, 0))
    flat_depth = jnp.sum(depth, axis=-1) / jnp.maximum(jnp.sum(possible, axis=-1, dtype=base.dtype), 1)
    lost = jnp.any(counts & (target > 0) & ~possible)
    flat = jnp.all(~counts | (depth == 0))
    uniform = jnp.max(log_target, axis=-1) == jnp.min(jnp.where(possible, log_target, jnp.inf), axis=-1)
    hottest = jnp.all((weights == 0) | uniform) | (aim >= jnp.sum(weights * flat_depth))
    coldest = aim == 0

    def tempered(beta: Scalar) -> Float[Array, "row token"]:
        cooled = jnp.where(depth > 0, -beta * depth, 0)
        return jax.nn.log_softmax(jnp.where(possible, cooled, -jnp.inf), axis=-1)

    def improve(state: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        iteration, beta, low, high, _ = state
        p = jnp.exp(tempered(beta))
        mean = jnp.sum(p * depth, axis=-1)
        spread = jnp.sum(p * (depth - mean[:, jnp.newaxis]) ** 2, axis=-1)
        value, slope = jnp.sum(weights * mean), beta * jnp.sum(weights * spread)
        low, high = jnp.where(value > aim, beta, low), jnp.where(value > aim, high, beta)
        # Of the logarithm of both, which is closer to a straight line where rows are cold.
        step = value * jnp.log(jnp.maximum(value, _TINY) / aim) / jnp.maximum(slope, _TINY)
        newton = beta * jnp.exp(jnp.clip(step, -2, 2))
        bisected = jnp.where(high == jnp.inf, 8 * beta, jnp.where(low > 0, jnp.sqrt(low * high), high / 8))
        is_far = value < _TINY  # too cold for a step; not a root
        is_last = (jnp.abs(step) < _COMMON_TOLERANCE) & ~is_far
        better = jnp.where(is_last | (~is_far & (newton > low) & (newton < high)), newton, bisected)
        return iteration + 1, better, low, high, is_last

    zero = jnp.zeros((), base.dtype)
    start = (jnp.int32(0), zero + 1, zero, zero + jnp.inf, flat | lost | hottest | coldest)
    beta = jax.lax.while_loop(lambda s: ~s[4] & (s[0] < _MOST_ITERATIONS), improve, start)[1]
    beta = jnp.where(hottest, 0, jnp.where(coldest, jnp.inf, beta))
    divergence = jax.vmap(kl_divergence)(log_target, tempered(beta))
    return Tempering(
        temperature=jnp.where(flat | lost, jnp.nan, unit / beta),
        gap=jnp.where(lost, jnp.inf, jnp.sum(jnp.where(weights > 0, weights * divergence, 0))),
    )


def _scaled(depth: Float[Array, "... token"]) -> tuple[Float[Array, "... token"], Scalar]:
    """Depths over a power of two, and that: 1, but where their squares or cubes could leave the range of numbers."""
    least = jnp.min(jnp.where(depth > 0, depth, jnp.inf))
    exponent = jnp.frexp(jnp.where(least < jnp.inf, least, 1))[1].astype(jnp.int32) - 1
    exponent = jnp.where(jnp.abs(exponent) > _FAR, exponent, 0)
    scaled = jnp.where(exponent == 0, depth, jnp.ldexp(depth, -exponent))
    return scaled, jnp.ldexp(jnp.ones((), depth.dtype), exponent)


def _regression(target: Row, log_target: Row, depth: Row) -> Scalar:
    """The slope of ln t on −d under t, where it is good for a β; 1 elsewhere."""
    log_target = jnp.where(target > 0, log_target, 0)

    def mean(values: Row) -> Scalar:
        return jnp.sum(target * values)

    slope = mean(log_target) * mean(depth) - mean(log_target * depth)
    slope = slope / (mean(depth * depth) - mean(depth) ** 2)
    return jnp.where((slope > 0) & (slope < jnp.inf), slope, 1)
