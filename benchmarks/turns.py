"""Contenders take turns, so that a machine that slows down slows all of them; a figure is the median over rounds."""

import math
import statistics
import time
from collections.abc import Callable, Mapping

from benchmarks.contender import Run

Clock = Callable[[], float]


def microseconds(
    runs: Mapping[str, Run | None],
    trajectories: int,
    *,
    seconds: float,
    rounds: int,
    longest: int = 10**7,
    marginal: bool = False,
    clock: Clock = time.perf_counter,
) -> dict[str, float | None]:
    """Microseconds of one generation of one trajectory, for each contender, without compilation.

    Args:
        runs: the contenders by name; None gives None.
        trajectories: how many trajectories each runs at once.
        seconds: length of one measurement, roughly.
        rounds: how often the contenders take turns.
        longest: generations of a run at most; more runs are made where that is short.
        marginal: whether what a run of one generation takes is taken off, so that further ones are timed alone.
        clock: gives the time in seconds; `time.process_time` for that of the processor.
    """
    here = {name: (run, *_length(run, seconds, longest, clock)) for name, run in runs.items() if run is not None}
    times: dict[str, list[float]] = {name: [] for name in here}
    for _ in range(rounds):
        for name, (run, generations, repeats) in here.items():
            timed = max(2, generations) if marginal else generations
            taken = _time(run, timed, repeats, clock)
            if marginal:
                taken, timed = taken - _time(run, 1, repeats, clock), timed - 1
            times[name].append(taken / (timed * repeats * trajectories) * 1e6)
    return {name: statistics.median(times[name]) if name in times else None for name in runs}


def repeated(once: Callable[[], object]) -> Run:
    """A run that calls `once` for each generation that it is asked for."""

    def run(times: int) -> None:
        for _ in range(times):
            once()

    return run


def _time(run: Run, generations: int, repeats: int, clock: Clock) -> float:
    start = clock()
    for _ in range(repeats):
        run(generations)
    return clock() - start


def _length(run: Run, seconds: float, longest: int, clock: Clock) -> tuple[int, int]:
    """Generations and repeats that take about so long: all compiled, and beyond what a run costs anyway."""
    run(1)
    fixed = _time(run, 1, 1, clock)
    generations, taken = min(2, longest), 0.0
    while (taken := _time(run, generations, 1, clock) - fixed) < seconds / 4 and generations < longest:
        generations = min(longest, int(generations * min(10, max(2, seconds / 2 / max(taken, 1e-6)))))
    wanted = max(1, round(generations * seconds / max(taken, 1e-6)))
    return (wanted, 1) if wanted <= longest else (longest, math.ceil(seconds / (taken + fixed)))
