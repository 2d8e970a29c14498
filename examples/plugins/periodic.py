"""A walk: traces whose tokens come from a few rows in turn, as words of a verse do.

jaxcollapse run examples/plugins/periodic.toml --plugin examples/plugins/periodic.py
"""

import jax.numpy as jnp

import jaxcollapse as jc
from jaxcollapse.walks.walk import draw_rows


@jc.walk
class Periodic(jc.Walk):
    """The token at place i of a trace is drawn from row i mod `period`. All rows start from p0."""

    period: int = 2

    @property
    def contexts(self):
        """A row for each place of a period."""
        return self.period

    def sample(self, key, urn, traces, how, blocks, numbers):
        """Counts: so many tokens of each trace come from each row."""
        return draw_rows(key, urn, traces * self._often(numbers), how)

    def visits(self, table, numbers):
        """Known beforehand."""
        return self._often(numbers).astype(table.dtype)

    def following(self, context, token, numbers):
        """The next row in turn, whatever the token."""
        return (context + 1) % self.period

    def _often(self, numbers):
        places = jnp.arange(self.period, dtype=jnp.int32)
        return (numbers.trace_length - places + self.period - 1) // self.period
