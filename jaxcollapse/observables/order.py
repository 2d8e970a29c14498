"""What is left of the order of tokens: the nearest distribution that an increasing function makes of another.

Re-tempering raises probabilities to a power. Any increasing function f keeps the order of tokens as well, so that the
least KL(p0 ‖ f(p)) says what no decoding rule can bring back that looks at probabilities alone. The least is the
isotonic regression of p0 along the order of p (Barlow et al., Statistical Inference under Order Restrictions, 1972):
neighbours that p has in the wrong order get their mean.

No sorting is needed: tokens are collected in `LEVELS` levels of ln p, relative to its mean under p0, and tokens of one
level count as equal. That changes the result by less than 5 % or 0.02 nat. Masses are added as whole numbers: in any
order these have the same sum.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

LEVELS = 64
PER_ROOT = 22.0  # levels for each unit of the square root of depth, in mean depths: most levels are near the mode
_UNITS = 2.0**30  # of mass

Row = Float[Array, " token"]
Scalar = Float[Array, ""]


def order_gap_of(log_target: Row, logits: Row) -> Scalar:
    """The least KL(target ‖ f(p)) over increasing functions f with f(0) = 0, nat; ∞ if p has lost a token."""
    target, possible = jnp.exp(log_target), log_target > -jnp.inf
    depth = jnp.where(possible, jnp.max(jnp.where(possible, logits, -jnp.inf)) - logits, 0)
    mean = jnp.sum(jnp.where(depth > 0, target * depth, 0))
    level = jnp.clip(PER_ROOT * jnp.sqrt(depth / jnp.maximum(mean, 1e-37)), 0, LEVELS - 1).astype(jnp.int32)
    units = jnp.round(target * _UNITS).astype(jnp.int32)
    mass = jax.ops.segment_sum(units, level, LEVELS).astype(logits.dtype) / _UNITS
    tokens = jax.ops.segment_sum(possible.astype(jnp.int32), level, LEVELS).astype(logits.dtype)
    log_fit = jnp.log(jnp.maximum(decreasing_fit(mass, tokens), 1e-37))
    gap = jnp.sum(jnp.where(possible, target * log_target, 0)) - jnp.sum(mass * log_fit)
    lost = jnp.any(possible & (logits == -jnp.inf))
    return jnp.where(lost, jnp.inf, jnp.maximum(gap, 0))


def decreasing_fit(mass: Float[Array, " level"], tokens: Float[Array, " level"]) -> Float[Array, " level"]:
    """The antitonic regression of the mass of a token: minₐ≤ᵢ max_e≥ᵢ of the mean over levels a to e."""
    place = jnp.arange(len(mass))
    first, last = place[:, jnp.newaxis], place[jnp.newaxis, :]
    upto_mass, upto_tokens = jnp.cumsum(mass), jnp.cumsum(tokens)
    masses = upto_mass[last] - (upto_mass - mass)[first]
    means = masses / jnp.maximum(upto_tokens[last] - (upto_tokens - tokens)[first], 1e-37)
    inside = (last >= first) & (upto_tokens[last] > (upto_tokens - tokens)[first])
    best = jax.lax.cummax(jnp.where(inside, means, -jnp.inf), axis=1, reverse=True)
    return jnp.min(jnp.where(first <= last, best, jnp.inf), axis=0)
