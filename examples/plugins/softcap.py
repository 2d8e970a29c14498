"""A parameterisation: logits that are capped softly, as some language models cap theirs.

jaxcollapse run examples/plugins/softcap.toml --plugin examples/plugins/softcap.py
"""

import jax.numpy as jnp
import numpy as np

import jaxcollapse as jc
from jaxcollapse.parameterisations.parameterisation import centred


@jc.parameters
class Softcap(jc.Parameterisation):
    """z = cap · tanh(θ / cap), with free θ [context, token]."""

    cap: float = 8.0

    def logits(self, parameters):
        """The table, of all tokens."""
        return self.cap * jnp.tanh(parameters / self.cap)

    def guess(self, table, weights, random):
        """What gives the table, as far as it is within the caps."""
        return self.cap * np.arctanh(np.clip(centred(table) / self.cap, -0.999, 0.999))

    def shapes(self, contexts, tokens):
        """One table."""
        return (contexts, tokens)
