"""A reward: what the model says less often than the original one did.

jaxcollapse run examples/plugins/novelty.toml --plugin examples/plugins/novelty.py
"""

import jax

import jaxcollapse as jc


@jc.reward
def novelty(judged, sharpness: float = 1.0):
    """sharpness · (ln p0 − ln p), of each token in each row."""
    lost = jax.nn.log_softmax(judged.original, axis=-1) - jax.nn.log_softmax(judged.logits, axis=-1)
    return sharpness * jax.numpy.where(judged.original > -jax.numpy.inf, lost, 0)
