"""What a study held when it had fewer generations: the states that trajectories go on from, and their first records."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from jaxcollapse.execute import Result, padded
from jaxcollapse.planning import Chunk
from jaxcollapse.store.foreign import opened
from jaxcollapse.store.shard import read_variable, recorded_in
from jaxcollapse.sweep.sweep import Sweep


def loaded(folder: Path, chunk: Chunk) -> Chunk:
    """A chunk with the states that its trajectories go on from, if they do not begin at generation 0.

    Raises:
        BadShardError: they cannot be read.
    """
    beginning = chunk.beginning
    if beginning is None:
        return chunk
    state = read_variable(_path(folder, chunk), "state", slice(None))[beginning.places]
    return replace(chunk, beginning=replace(beginning, state=state))


def joined(folder: Path, result: Result, sweep: Sweep) -> Result:
    """A result with what had been recorded of its trajectories before they went on.

    Raises:
        BadShardError: that cannot be read.
    """
    chunk, path = result.chunk, _path(folder, result.chunk)
    assert chunk.beginning is not None
    with opened(path) as file:
        recorded = recorded_in(file)
    kept, places = np.isin(recorded, sweep.recorded), chunk.beginning.places

    def whole(name: str, later: np.ndarray) -> np.ndarray:
        before = read_variable(path, name, slice(None))[places][:, kept]
        for axis, size in enumerate(later.shape[2:], start=2):  # which another chunk, or sweep, pads otherwise
            before = padded(before, axis, size)
        return np.concatenate([before, later], axis=1)

    series = {name: whole(name, later) for name, later in result.series.items()}
    logits = None if result.logits is None else whole("logits", result.logits)
    return replace(result, series=series, logits=logits)


def _path(folder: Path, chunk: Chunk) -> Path:
    assert chunk.beginning is not None
    return folder / f"{chunk.beginning.shard}.nc"
