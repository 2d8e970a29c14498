"""Smoothing of what is measured, not of the process: lost tokens together count as one more sample.

A refit to N samples gives tokens that were not drawn the probability 0, and KL(p0 ‖ p) is infinite from the first
token on that is lost. A sample of N says less than that: it does not know what has a probability below 1/N. So one more
sample is added, in equal parts of the k lost tokens (add-one smoothing of the event "something unseen"):

    q = (N p + 1/k for each lost token)/(N + 1)

It is added after sampling at a temperature, which cannot bring a lost token back. N counts as `FEWEST` at least: a
model that was fitted to a single sample has collapsed, and should not look as if it might be anything.

With m the mass that p0 has on lost tokens, KL(p0 ‖ q) = (1 − m) KL(p0 given what is left ‖ p) + a rest that depends on
neither p nor its temperature.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

FEWEST = 1000.0

Row = Float[Array, " token"]
Scalar = Float[Array, ""]


class Left(NamedTuple):
    """What a model has left of p0.

    Attributes:
        log_p: ln of p0 given that the token is not lost, [token].
        mass: the mass 1 − m of these tokens.
        rest: what lost tokens add to the log loss, nat.
        is_lost: whether any token is lost.
    """

    log_p: Row
    mass: Scalar
    rest: Scalar
    is_lost: Bool[Array, ""]

    def loss(self, divergence: Scalar) -> Scalar:
        """KL(p0 ‖ q) from KL(p0 given what is left ‖ p), nat."""
        return jnp.where(self.mass > 0, self.mass * divergence, 0) + self.rest


def left_of(log_start: Row, log_p: Row, samples: Scalar | None) -> Left:
    """What p has left of p0 after a refit to so many samples; all of it after what is not a refit to samples."""
    if samples is None:
        one = jnp.ones((), log_start.dtype)
        return Left(log_start, mass=one, rest=jnp.zeros_like(one), is_lost=jnp.zeros((), bool))
    lost, start = (log_start > -jnp.inf) & (log_p == -jnp.inf), jnp.exp(log_start)
    mass, gone = jnp.sum(jnp.where(lost, 0, start)), jnp.sum(jnp.where(lost, start, 0))
    number = jnp.maximum(jnp.sum(lost, dtype=start.dtype), 1)
    log_mass = jnp.log(jnp.where(mass > 0, mass, 1))
    rest = mass * (log_mass + jnp.log1p(1 / samples)) + gone * (jnp.log(number) + jnp.log1p(samples))
    rest += jnp.sum(jnp.where(lost, start * log_start, 0))
    is_lost = jnp.any(lost)
    log_left = jnp.where(lost, -jnp.inf, log_start - log_mass)
    return Left(
        log_p=jnp.where(is_lost, log_left, log_start),
        mass=jnp.where(is_lost, mass, 1),
        rest=jnp.where(is_lost, rest, 0),
        is_lost=is_lost,
    )
