"""An optimiser: Lion (Chen et al. 2023), as optax has it.

jaxcollapse run examples/plugins/lion.toml --plugin examples/plugins/lion.py
"""

import optax

import jaxcollapse as jc


@jc.optimizer
def lion(learning_rate: float, b1: float = 0.9, b2: float = 0.99):
    """Steps of one size, by the sign of a decaying mean of gradients; without decay of the weights."""
    return optax.lion(learning_rate, b1, b2, weight_decay=0.0)
