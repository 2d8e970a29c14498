"""Signals at random moments of runs, and what they cost: `python -m tests.store.stopping --points 400`.

The runs compute two studies in turn: one of many small chunks, and one of a single chunk of many device calls. Each
run gets a random signal, or is killed; some get an interrupt after it. As soon as a study is complete, its sweep grows.
What was computed must be stored unless the run was killed or interrupted twice, and what a run says is stored must be.
"""

import argparse
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import jaxcollapse as jc
from jaxcollapse.store.study import Study
from jaxcollapse.system.signals import SIGNALS
from tests.store.killing import SWEEP
from tests.support.processes import Kill, Processes
from tests.support.studies import differing, shards, stamps

LONG: dict[str, Any] = {
    "title": "One chunk of many device calls of 64 trajectories",
    "seed": 5,
    "generations": 20,
    "record": {"every": 10},
    "observables": ["entropy"],
    "process": {"vocab_size": 2048, "optimizer": "adam", "batch_size": 64},
    "axes": {"temperature": [0.9, 1.1]},
}
_KEPT = re.compile(r"; ([0-9,]+) of [0-9,]+ trajectories are stored")


@dataclass
class Tally:
    """What happened. signals: runs that ended by each. finished: others.

    wrong: variables of a dataset with other numbers than an undisturbed run. lost: shards that went, or trajectories
    that were computed and not stored. untrue: numbers in messages that are not so. recomputed: trajectories that were
    stored, or shards that were written, twice. messages: what was said that nobody should see. killed: trajectories
    that were computed and lost where the run was killed, or interrupted twice.
    """

    signals: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    wrong: int = 0
    lost: int = 0
    untrue: int = 0
    recomputed: int = 0
    leftovers: int = 0
    messages: list[str] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong, lost, untrue, or done twice."""
        return not (self.wrong or self.lost or self.untrue or self.recomputed or self.leftovers or self.messages)


class _Stopped:
    """A study whose runs are stopped again and again."""

    def __init__(self, folder: Path, settings: dict[str, Any], replicates: int, tally: Tally):
        folder.mkdir()
        self.folder, self.study, self.tally = folder, folder / "study", tally
        self.sweep_file = folder / "sweep.toml"
        self.settings, self.step, self.replicates = settings, replicates, replicates
        self.seconds = 2.0  # that an undisturbed run takes
        self._grow(0)

    def run(self, processes: Processes, kill: Kill | None) -> None:
        """A run, and what it has done."""
        tally, before, stored = self.tally, stamps(shards(self.study)), self._stored()
        began = time.monotonic()
        code, told = processes.run(self.sweep_file, self.study, kill=kill)
        after, added = stamps(shards(self.study)), self._stored() - stored
        tally.lost += len(before.keys() - after.keys())
        tally.recomputed += sum(after[name] != before[name] for name in before.keys() & after.keys())
        lost = processes.computed - added
        is_gentle = kill is None or (kill.number != signal.SIGKILL and kill.again is None)
        if is_gentle:
            tally.lost += max(lost, 0)
        else:
            tally.killed.append(lost)
        said = _KEPT.findall(told)
        if said:
            number = int(said[-1].replace(",", ""))
            tally.untrue += number != stored + added if is_gentle else number > stored + added
        if code == 0:
            tally.finished += 1
            self.seconds = time.monotonic() - began
        elif kill and code in (1, -signal.SIGKILL) and (code == 1) == (kill.number != signal.SIGKILL):
            tally.signals[signal.Signals(kill.number).name] += 1
        else:
            tally.messages.append(f"exit code {code}: {told}")
        if stored + added == self.sweep.trajectories:
            self._grow(self.step)
        if "Traceback" in told or len(told.splitlines()) > 3:
            tally.messages.append(told)

    def compare(self, processes: Processes) -> None:
        """Completes the study, and compares it with one that nobody disturbed."""
        tally = self.tally
        for folder in (self.study, self.folder / "clean"):
            code, told = processes.run(self.sweep_file, folder)
            tally.messages += [] if code == 0 else [told]
        opened = Study.open(self.study)
        held = opened.shards()
        tally.messages += held.bad.values()
        tally.recomputed += sum(map(len, held.good.values())) - opened.sweep.trajectories
        tally.leftovers += len([path for path in self.study.rglob(".*") if path.is_file()])
        tally.wrong += len(differing(self.study, self.folder / "clean"))

    def _stored(self) -> int:
        if not (self.study / "sweep.toml").exists():
            return 0
        return int(Study(self.study, self.sweep).shards().done.sum())

    def _grow(self, step: int) -> None:
        self.replicates += step
        self.sweep = jc.Sweep.from_dict({**self.settings, "replicates": self.replicates})
        self.sweep_file.write_text(self.sweep.to_toml())


def stop_again_and_again(points: int, seed: int, folder: Path) -> Tally:
    """Stops so many runs of two studies in a folder."""
    rng, tally = np.random.default_rng(seed), Tally()
    studies = [_Stopped(folder / "long", LONG, 320, tally), _Stopped(folder / "short", SWEEP, 1, tally)]
    with Processes() as processes:
        while tally.signals.total() < points:
            each = studies[int(rng.integers(2))]
            number = int(rng.choice([*SIGNALS, signal.SIGKILL]))
            again = float(rng.uniform(0, 0.2)) if number == signal.SIGINT and rng.random() < 0.3 else None
            when: dict[str, Any] = {"seconds": float(rng.uniform(0, 1.2 * each.seconds))}
            if rng.random() < 0.3:
                when = {"event": int(rng.integers(1, 100)), "storing": bool(rng.integers(2))}
            each.run(processes, Kill(number=number, again=again, **when))
        for each in studies:
            each.compare(processes)
    return tally


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=400, help="runs to stop")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    asked = parser.parse_args()
    folder, start = Path(tempfile.mkdtemp()), time.monotonic()
    tally = stop_again_and_again(asked.points, asked.seed, folder)
    by_signal = ", ".join(f"{name} {number}" for name, number in sorted(tally.signals.items()))
    at_once = [number for number in tally.killed if number > 0]
    print(
        f"{tally.signals.total()} runs were stopped ({by_signal}), {tally.finished} ran to their end, "
        f"in {time.monotonic() - start:.0f} s\n"
        f"{tally.wrong} numbers wrong, {tally.lost} trajectories or shards lost, {tally.untrue} messages untrue, "
        f"{tally.recomputed} computed twice, {tally.leftovers} files left over\n"
        f"{len(tally.killed)} runs were ended at once; {len(at_once)} of them lost computed trajectories, "
        f"at most {max(at_once, default=0)}"
    )
    print(*tally.messages, sep="\n", end="\n" if tally.messages else "")
    shutil.rmtree(folder)
    return 0 if tally.is_clean else 1


if __name__ == "__main__":
    sys.exit(_main())
