"""A refined study, made by hand: corners of a coarse grid, and one line of cells that is refined."""

import numpy as np
import xarray as xr

from tests.report.known import known

TEMPERATURES = [0.8, 0.9, 0.95, 1.0, 1.2]
BATCHES = [1, 2, 3, 4, 16, 256]
CELLS = {
    (0.8, 1): "forgetting",
    (0.8, 256): "cooled",
    (1.2, 1): "heated",
    (1.2, 256): "unchanged",
    (0.8, 16): "unchanged",
    (0.9, 16): "unchanged",
    (0.95, 16): "forgetting",
    (1.2, 16): "forgetting",
}


def with_holes(replicates: int = 9) -> xr.Dataset:
    """A dataset whose cells have the verdicts of `CELLS`, and that has no other cells."""
    words = np.full((len(TEMPERATURES), len(BATCHES)), "missing", "U10")
    for (temperature, batch), word in CELLS.items():
        words[TEMPERATURES.index(temperature), BATCHES.index(batch)] = word
    data = known({"temperature": TEMPERATURES, "batch_size": BATCHES}, words, replicates)
    return data.assign_coords(is_cell=(("temperature", "batch_size"), words != "missing"))
