"""`python -m benchmarks.sweep.numpy_loop GRID FOLDER DTYPE`: a loop over the cells, saved as one array."""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.sweep.grid import Grid
from benchmarks.sweep.numpy_cell import entropies


def main(grid: Grid, folder: Path, dtype: str) -> None:
    cells = [
        entropies(*cell, replicates=grid.replicates, recorded=grid.recorded, dtype=dtype)
        for cell in product(*grid.axes.values())
    ]
    lengths = [len(values) for values in grid.axes.values()]
    folder.mkdir()
    np.save(folder / "entropy.npy", np.reshape(cells, (*lengths, grid.replicates, len(grid.recorded))))


if __name__ == "__main__":
    main(Grid.read(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3])
