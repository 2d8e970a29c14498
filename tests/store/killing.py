"""Kills the runs of one study at random points, and counts what was lost: `python -m tests.store.killing --points 200`.

Half of the runs die at a random access to the study's files, the others after a random time; most of them once they
store, sooner where less is left to be stored, so that few get through. Whenever the study is complete, its sweep file
grows, and the next runs extend it. In the end it is compared with a run that nobody disturbed.
"""

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import jaxcollapse as jc
from jaxcollapse.store.study import Study
from tests.support.processes import Kill, Processes
from tests.support.studies import differing, shards, stamps

SWEEP: dict[str, Any] = {
    "title": "Small chunks, finished one after the other",
    "seed": 5,
    "generations": 6,
    "record": {"every": 3},
    "observables": ["entropy", "collapse_time"],
    "process": {"vocab_size": 16},
    "axes": {"steps": list(range(1, 13)), "batch_size": [8], "temperature": [0.9, 1.1]},
}


@dataclass
class Tally:
    """What happened. lost, recomputed: shards. wrong: numbers. messages: of runs that ended otherwise than killed."""

    killed: int = 0
    finished: int = 0
    without_progress: int = 0
    lost: int = 0
    recomputed: int = 0
    wrong: int = 0
    leftovers: int = 0
    messages: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, computed twice, or wrong."""
        return not (self.lost or self.recomputed or self.wrong or self.leftovers or self.messages)


def kill_again_and_again(points: int, seed: int, folder: Path, table: dict[str, Any] = SWEEP) -> Tally:
    """Kills so many runs of a study of this sweep in a folder."""
    rng, tally, replicates = np.random.default_rng(seed), Tally(), 1
    study, sweep_file = folder / "study", folder / "sweep.toml"
    with Processes() as processes:
        while tally.killed < points:
            sweep = jc.Sweep.from_dict({**table, "replicates": replicates})
            sweep_file.write_text(sweep.to_toml())
            before = stamps(shards(study))
            code, told = processes.run(sweep_file, study, kill=_some_point(rng, len(before), sweep))
            after = stamps(shards(study))
            tally.lost += len(before.keys() - after.keys())
            tally.recomputed += sum(after[name] != before[name] for name in before.keys() & after.keys())
            if code == -9:
                tally.killed += 1
                tally.without_progress += before.keys() == after.keys()
            elif code == 0:
                tally.finished += 1
                replicates += 1
            else:
                tally.messages.append(told)
            if (study / "sweep.toml").exists():
                tally.messages += Study.open(study).summary()["bad_shards"].values()
        code, told = processes.run(sweep_file, study)
        clean_code, _ = processes.run(sweep_file, folder / "clean")
    tally.messages += [] if code == clean_code == 0 else [told]
    tally.recomputed += _held_twice(study, sweep)
    tally.leftovers = len([path for path in study.rglob(".*") if path.is_file()])
    tally.wrong = len(differing(study, folder / "clean"))
    return tally


def _some_point(rng: np.random.Generator, held: int, sweep: jc.Sweep) -> Kill:
    """When the next run is to die, of a study that holds so many shards: after accesses to its files, or seconds.

    For each chunk that it stores a run makes some 10 accesses, in some 20 ms; otherwise some 60, in a second, and 3 for
    each shard that is there.
    """
    left = len(sweep.grid.column("steps").values) * sweep.replicates - held
    storing = left > 0 and bool(rng.random() < 0.75)
    accesses, seconds = (10 * left, 0.02 * left) if storing else (60 + 3 * held, 1.0)
    if rng.integers(2):
        return Kill(event=int(rng.integers(1, accesses + 1)), storing=storing)
    return Kill(seconds=rng.uniform(0, seconds), storing=storing)


def _held_twice(study: Path, sweep: jc.Sweep) -> int:
    """Trajectories that more than one shard holds."""
    return sum(len(where) for where in Study.open(study).shards().good.values()) - sweep.trajectories


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200, help="runs to kill")
    parser.add_argument("--seed", type=int, default=0, help="of the random points")
    asked = parser.parse_args()
    folder, start = Path(tempfile.mkdtemp()), time.monotonic()
    tally = kill_again_and_again(asked.points, asked.seed, folder)
    print(
        f"{tally.killed} runs were killed, {tally.without_progress} of them before they stored anything; "
        f"{tally.finished} others ran to their end, in {time.monotonic() - start:.0f} s\n"
        f"{tally.wrong} numbers wrong, {tally.lost} shards lost, {tally.recomputed} computed twice, "
        f"{tally.leftovers} files left over"
    )
    print(*tally.messages, sep="\n", end="\n" if tally.messages else "")
    shutil.rmtree(folder)
    return 0 if tally.is_clean else 1


if __name__ == "__main__":
    sys.exit(_main())
