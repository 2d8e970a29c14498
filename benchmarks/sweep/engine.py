"""`python -m benchmarks.sweep.engine GRID FOLDER`: jaxcollapse, with the study on disk."""

import sys
from pathlib import Path

import jaxcollapse
from benchmarks.sweep.grid import Grid


def main(grid: Grid, folder: Path) -> None:
    sweep = jaxcollapse.Sweep.from_dict(
        {
            "replicates": grid.replicates,
            "generations": grid.recorded[-1],
            "record": {"every": grid.recorded[1]},
            "observables": ["entropy"],
            "axes": grid.axes,
        }
    )
    jaxcollapse.run(sweep, folder, progress=False)


if __name__ == "__main__":
    main(Grid.read(Path(sys.argv[1])), Path(sys.argv[2]))
