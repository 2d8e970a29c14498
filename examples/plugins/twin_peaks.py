"""An initial distribution: two clusters of tokens, each falling off geometrically.

jaxcollapse run examples/plugins/twin_peaks.toml --plugin examples/plugins/twin_peaks.py
"""

import numpy as np

import jaxcollapse as jc


@jc.initial
def twin_peaks(vocab_size, slope: float = 0.5, gap: float = 1.0):
    """Logits that fall from the first token and from the middle one; the second peak is `gap` below the first."""
    half = -(-vocab_size // 2)
    place = np.arange(vocab_size)
    return -slope * (place % half) - gap * (place >= half)
