"""`python -m benchmarks.sweep.xyzpy_harvest GRID FOLDER PROCESSES`: xyzpy runs the same cells and labels them."""

import sys
from pathlib import Path

import xyzpy

from benchmarks.sweep.grid import Grid
from benchmarks.sweep.numpy_cell import entropies


def main(grid: Grid, folder: Path, processes: int) -> None:
    runner = xyzpy.Runner(
        entropies,
        var_names=["entropy"],
        var_dims={"entropy": ["replicate", "generation"]},
        var_coords={"replicate": list(range(grid.replicates)), "generation": grid.recorded},
        resources={"replicates": grid.replicates, "recorded": grid.recorded, "dtype": "float32"},
    )
    folder.mkdir()
    harvester = xyzpy.Harvester(runner, data_name=str(folder / "entropy.h5"))
    harvester.harvest_combos(grid.axes, parallel=processes if processes > 1 else False, verbosity=0)


if __name__ == "__main__":
    main(Grid.read(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))
