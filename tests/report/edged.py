"""Datasets whose phase diagrams have a boundary: with a logarithmic axis, and one that descends and has ∞."""

import numpy as np
import xarray as xr

from tests.report.known import INF, known

BATCHES = [INF, 64.0, 16.0, 4.0, 1.0]
RATES = [0.01, 0.1, 1.0, 10.0]
# A row for each batch size; "distorted" ones are unchanged in some replicates, so that what they are is not sure.
WORDS = [
    ["unchanged", "unchanged", "unchanged", "forgetting"],
    ["unchanged", "unchanged", "unchanged", "forgetting"],
    ["unchanged", "unchanged", "forgetting", "collapsed"],
    ["unchanged", "collapsed", "forgetting", "forgetting"],
    ["unchanged", "collapsed", "collapsed", "collapsed"],
]


def with_edge(replicates: int = 9, unsure: int = 3) -> xr.Dataset:
    """A dataset in which so many of the replicates of cells that forget are unchanged, for two update rules alike."""
    words = np.stack([WORDS, np.roll(WORDS, 1, axis=1)], axis=-1)
    axes = {"batch_size": BATCHES, "learning_rate": RATES, "optimizer": ["sgd", "adam"]}
    return known(axes, words, replicates, {"forgetting": unsure})
