"""Studies of made-up numbers in real shards: as many trajectories as a test wants, without computing them.

`python -m tests.support.synthetic FOLDER CELLS` makes one of 1000 replicates, and says how long it takes to finalise it
and how much memory; `docs/performance.md` has figures.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxcollapse as jc
from jaxcollapse.execute import COMPLETE, DIVERGED, Result
from jaxcollapse.execute.provenance import now, provenance
from jaxcollapse.planning import Plan
from jaxcollapse.store.study import Study
from tests.support.footprint import of_finalizing


def made_up(todo: Plan) -> Iterator[Result]:
    """A result for each chunk, that follows from the chunk's name alone."""
    sweep, sizes = todo.sweep, todo.cells.library.sizes
    records = len(sweep.recorded)
    for chunk in todo.chunks:
        rng, number = np.random.default_rng(int(chunk.id, 16)), len(chunk)
        series: dict[str, np.ndarray] = {}
        events: dict[str, np.ndarray] = {}
        for entry in sweep.chosen:
            if entry.is_event:
                events[entry.name] = rng.integers(-1, 400, number, np.int32)
            elif entry.whole:
                series[entry.name] = rng.integers(0, 400, (number, records), np.int32)
            else:
                several = () if entry.dim is None else (entry.values(1),)
                series[entry.name] = rng.random((number, records, *several), np.float32).astype(sweep.precision)
        status = rng.choice(np.array([COMPLETE, DIVERGED], np.int8), number)
        logits = None
        if sweep.record.logits:
            logits = rng.random((number, records, int(sizes[chunk.cells].max())), np.float32)
            logits[logits < 0.1] = -np.inf
            logits = logits.astype(sweep.precision)
        yield Result(chunk, series, events, status, provenance(now(), sweep.precision, jax.local_devices()), logits)


def write(folder: Path, sweep: jc.Sweep, **options: Any) -> Study:
    """A study of made-up shards; the options are those of `jaxcollapse.plan`."""
    study = Study.create(folder, sweep)
    for result in made_up(jc.plan(sweep, **options)):
        study.write(result)
    return study


def grid_of(cells: int, replicates: int, **top: Any) -> jc.Sweep:
    """A sweep of one bucket."""
    values = np.linspace(0.5, 2.0, cells)
    return jc.Sweep.from_dict({"replicates": replicates, **top, "axes": {"temperature": values}})


if __name__ == "__main__":
    folder, cells = Path(sys.argv[1]), int(sys.argv[2])
    sweep = grid_of(cells, 1000, record={"spacing": "log", "points": 40})
    write(folder, sweep, chunk_size=32_768)
    print(f"{sweep.trajectories} trajectories:", of_finalizing(folder))
