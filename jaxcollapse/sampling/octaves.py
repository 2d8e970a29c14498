"""Temperature as a scale that is kept apart, so that logits stay within the range of floating point.

A temperature multiplies the depths of logits, d = max z − z, by 1/T. After hundreds of generations they leave every
range: at T = 1/2 those of float32 within 128 generations. A power of two is therefore kept next to them, in *octaves*:
depths are 2^octaves times as large as the table says. Powers of two round nothing.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

_MARGIN = 2**8  # of the largest number, so that what is computed from logits is within the range, too
_FURTHEST = 64  # octaves of the deepest logit in a table, up to which nothing is kept apart

Table = Float[Array, "context token"]


Rows = Bool[Array, "context 1"]


class Scaled(NamedTuple):
    """Logits, with a factor of their depths kept apart.

    Attributes:
        table: logits within the range of floating point, [context, token].
        octaves: in the rows that a temperature applies to, depths are 2^octaves times those of the table; None if no
            factor is kept apart.
    """

    table: Table
    octaves: Int32[Array, ""] | None

    def whole(self, rows: Rows) -> Table:
        """The logits themselves: −∞ near the end of the range of floating point, and equal where depths vanish."""
        if self.octaves is None:
            return self.table
        deep = jnp.ldexp(self.table, self.octaves)
        deep = jnp.where(deep < np.finfo(deep.dtype).min / _MARGIN, -jnp.inf, deep)
        return jnp.where(rows & (self.octaves != 0), deep, self.table)


def within_range(scaled: Scaled, rows: Rows, heats: Bool[Array, ""]) -> Scaled:
    """Logits rescaled to depths near 1, if the deepest is further than 64 octaves from it.

    The largest logit becomes 0 then; also where a temperature above 1 `heats`, once depths are at most half of it: they
    would vanish in its rounding, and this subtraction is exact.
    """
    if scaled.octaves is None:
        return scaled
    table, possible = scaled.table, rows & (scaled.table > -jnp.inf)
    peak = jnp.max(table, axis=-1, keepdims=True)
    below = jnp.where(possible, table - peak, -jnp.inf)
    depth = jnp.max(jnp.where(possible, -below, 0), axis=-1, keepdims=True)
    exponent = jnp.frexp(jnp.max(depth))[1].astype(jnp.int32)
    apart = jnp.where(jnp.abs(exponent) > _FURTHEST, exponent, 0)
    is_lifted = rows & ((apart != 0) | (heats & (2 * depth <= jnp.abs(peak))))
    table = jnp.where(is_lifted, below, table)
    return Scaled(jnp.where(rows & (apart != 0), jnp.ldexp(table, -apart), table), scaled.octaves + apart)
