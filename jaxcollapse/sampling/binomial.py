"""Exact binomial counts, elementwise, by inverting the distribution function: one uniform number a count.

Where the mean is below 12, the survival function is summed term by term from P(K ≥ 1) = −expm1(n log1p(−p)), which
keeps its relative precision however small the mean is. Every count is the same arithmetic of fixed length, which is
what accelerators like; `jaxcollapse.native` has the same formulas for CPUs, where a sum is as long as it need be.

From a mean of 12 on, the normal score z(k) = Φ⁻¹(P(K ≤ k)) has a closed form. With S = k + ½, T = n − S, δ = S − np,
σ² = npq and h(t) = [1 − 2 ((1 + t) ln(1 + t) − t)/t²]/t,

    A = q² h(δ/np) − p² h(−δ/nq),  G = 1 − δ A/σ²,  z = √G/σ · (δ + A ln G / (2 G (G − 1)) + c),

which is Lugannani and Rice's tail formula in Barndorff-Nielsen's form, r* = r + ln(u/r)/r, with r = δ√G/σ and
u = δ/σ, written without its singularity at δ = 0; c is the next term, of order 1/σ. A count is the smallest k with
z(k) ≥ w for a normal deviate w: Cornish and Fisher's expansion finds it but for one, and one comparison decides.
In total variation the law is right to 3.4·10⁻⁶ at a mean of 12, to 4·10⁻⁷ from 50 on, and beyond to what float32
resolves of a count: about 10⁻⁷ σ, a jitter between neighbouring counts that hardly shows in the distribution function
(4.5·10⁻⁵ at most, for means of 10⁸). Tails are absolutely right, not relatively: at a mean of 12, P(K = 0) = 6·10⁻⁶ is
off by a seventh. `tests/sampling/test_binomial.py` measures all this.

Sources: Lugannani, Rice (1980), "Saddle point approximation for the distribution of the sum of independent random
variables"; Barndorff-Nielsen (1986), "Inference on full or partial parameters, based on the standardized signed log
likelihood ratio"; Peizer, Pratt (1968), "A normal approximation for binomial, F, beta, and other common, related tail
probabilities", for the form of G.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32, UInt32

from jaxcollapse.sampling import bits

SWITCH = 12.0  # means from here on use normal scores
_TERMS = 44  # of the survival sum; P(K > 44) < 1e-12

Counts = Int32[Array, "*n"]
Reals = Float[Array, "*n"]
Words = UInt32[Array, "*n"]


@jax.jit
def binomial(word: Words, lower: Words, trials: Counts, odds: Float[Array, "*n"]) -> Counts:
    """Independent binomial counts.

    Args:
        word, lower: random words that make the uniform number (`bits.unit`); the lower it is, the higher is the count.
        trials: n ≥ 0.
        odds: p/(1 − p) ≤ 1.
    """
    is_large = trials.astype(odds.dtype) * odds >= SWITCH * (1 + odds)
    few = _few(bits.unit(word, lower, odds.dtype), jnp.where(is_large, 0, trials), odds, _TERMS)
    return jnp.where(is_large, _many(word, lower, trials, odds / (1 + odds), is_large), few)


def _few(u: Reals, trials: Counts, odds: Reals, terms: int) -> Counts:
    """Counts of small mean, up to `terms`: how many of P(K ≥ 1), P(K ≥ 2), … exceed the uniform number u."""
    n = trials.astype(odds.dtype)
    hazard = n * odds * _log_ratio(odds)  # −n ln(1 − p)
    none = jnp.exp(-hazard)
    survival = jnp.where(hazard < 0.7, hazard * _one_minus_exp_ratio(hazard), 1 - none)
    mass = n * odds * none
    following = n * odds + odds
    count = jnp.zeros_like(trials)
    for k in range(1, terms + 1):
        count = count + (u < survival).astype(jnp.int32)
        survival = survival - mass
        mass = mass * (following * (1 / (k + 1)) - odds)  # P(K = k + 1)/P(K = k) = odds (n − k)/(k + 1)
    return jnp.minimum(count, trials)  # rounding leaves about 1e-7 of the survival function beyond k = n


def _log_ratio(x: Reals) -> Reals:
    """ln(1 + x)/x for 0 ≤ x ≤ 1, to float32 precision: a polynomial fitted to it."""
    value = 5.2326521e-3 + jnp.zeros_like(x)
    for term in (-2.9505060e-2, 7.8225639e-2, -0.13663217, 0.19105991, -0.24842978, 0.33319096, -0.49999493, 1.0):
        value = term + x * value
    return value


def _one_minus_exp_ratio(x: Reals) -> Reals:
    """(1 − e⁻ˣ)/x for x ≤ 0.7, to float32 precision: a polynomial fitted to it."""
    value = -0.0010332433 + jnp.zeros_like(x)
    for term in (0.0080679528, -0.041572763, 0.16665146, -0.49999909, 1.0):
        value = term + x * value
    return value


def _many(word: Words, lower: Words, trials: Counts, p: Reals, is_large: Bool[Array, "*n"]) -> Counts:
    """Counts of large mean, by normal scores. Reciprocals are shared: divisions are what such a formula costs."""
    p = jnp.where(is_large, p, 0.5)
    n = jnp.where(is_large, trials.astype(p.dtype), 4 * SWITCH)
    q, skew = 1 - p, 1 - 2 * p
    mean, other_mean = n * p, n - n * p
    both = 1 / (mean * other_mean)
    per_mean, per_other = other_mean * both, mean * both
    per_variance = n * both
    deviation = jnp.sqrt(mean * q)
    whole = jnp.floor(mean)
    fraction = mean - whole

    w = _normal_deviate(word, lower, p.dtype)
    square = w * w
    quartic = (1 - 6 * p * q) * (square - 3) / 24 - skew * skew * (2 * square - 5) / 36 - 1 / 24
    guess = deviation * w + skew * (square - 1) / 6 + w * quartic * (deviation * per_variance)
    offset = jnp.clip(jnp.floor(guess + fraction), -whole, n - 1 - whole)

    delta = offset + 0.5 - fraction
    above, below = delta * per_mean, -delta * per_other
    (top_above, bottom_above), (top_below, bottom_below) = _h(above), _h(below)
    ratio = 1 / (bottom_above * bottom_below)
    a = (q * q * top_above * bottom_below - p * p * top_below * bottom_above) * ratio
    g = jnp.maximum(1 - delta * a * per_variance, 1e-3)
    logarithm = 1.5 * (1 + g) / ((1 + (4 + g) * g) * g)  # ln g / 2g(g − 1) but for (1 − g)⁴/360

    # The next term: 8/405 is Poisson's, the other numbers are fitted to the exact scores at means from 10 on.
    ratio = 1 / ((1 + above) * (1 + below))
    to_mean, to_other = (1 + below) * ratio, (1 + above) * ratio  # np/S, nq/T
    per_items, per_rest = per_mean * to_mean, per_other * to_other
    at_items = q * per_items * (8 / 405 - 0.0017 * (1 - to_mean) - 0.0029 * per_items)
    at_rest = p * per_rest * (8 / 405 - 0.0017 * (1 - to_other) - 0.0029 * per_rest)
    per_n = p * per_mean
    next_term = at_items - at_rest - (0.0043 * skew + 0.037 * delta * per_n) * per_n

    score = (delta + a * logarithm + next_term) * jnp.sqrt(g)
    count = whole.astype(jnp.int32) + offset.astype(jnp.int32) + (score < w * deviation).astype(jnp.int32)
    return jnp.clip(count, 0, trials)


def _h(t: Reals) -> tuple[Reals, Reals]:
    """Numerator and denominator of the module's h for −0.8 < t < 2.6, to 1e-5, and to 4e-4 as far as t = −0.99."""
    above = 0.33332861 + t * (0.76510164 + t * (0.56358565 + t * (0.13253317 + t * 0.0013503707)))
    return above, 1 + t * (2.7952371 + t * (2.7880315 + t * (1.1529408 + t * 0.16078203)))


def _normal_deviate(word: Words, lower: Words, dtype: jax.typing.DTypeLike) -> Reals:
    """A standard normal deviate, the lower the words the higher, by inversion: to 1e-6 as far as 9.3 σ.

    The quantile is s + N(s)/D(s) with s = √(−2 ln tail), a rational function fitted to it.
    """
    is_upper = word >> jnp.uint32(31) == 1
    tail = jnp.where(is_upper, bits.unit(~word, ~lower, dtype), bits.unit(word, lower, dtype))
    # The sign divides: a compiler does not repeat a division for every use of its result, nor the random words then.
    signed = jnp.sqrt(-2 * jnp.log(tail)) / jnp.where(is_upper, -1.0, 1.0).astype(dtype)
    s = jnp.abs(signed)
    above = -3.1491118 + s * (-7.7251942 + s * (-1.5986275 + s * (-0.013952136 + s * 0.00015460632)))
    deviate = s + above / (1 + s * (4.9403859 + s * (3.5143111 + s * 0.37519360)))
    return jnp.copysign(deviate, signed)
