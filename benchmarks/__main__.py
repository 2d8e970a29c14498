"""`python -m benchmarks`: runs the suites, shows tables, keeps figures and pictures."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.bits.suite import BITS
from benchmarks.counts.suite import COUNTS
from benchmarks.estimates.suite import ESTIMATES
from benchmarks.finished.suite import FINISHED
from benchmarks.growth.suite import GROWTH
from benchmarks.kernel.suite import KERNEL
from benchmarks.machine import machine
from benchmarks.observables.suite import OBSERVABLES
from benchmarks.refit.suite import REFIT
from benchmarks.rewards.suite import REWARDS
from benchmarks.sampling.suite import SAMPLING
from benchmarks.sequence.suite import SEQUENCE
from benchmarks.suite import Effort, keep
from benchmarks.sweep.suite import SWEEP


class Name(StrEnum):
    """The suites, as they are called."""

    KERNEL = KERNEL.name
    REFIT = REFIT.name
    REWARDS = REWARDS.name
    SEQUENCE = SEQUENCE.name
    BITS = BITS.name
    SAMPLING = SAMPLING.name
    COUNTS = COUNTS.name
    OBSERVABLES = OBSERVABLES.name
    SWEEP = SWEEP.name
    GROWTH = GROWTH.name
    ESTIMATES = ESTIMATES.name
    FINISHED = FINISHED.name


_ALL = (KERNEL, REFIT, REWARDS, SEQUENCE, BITS, SAMPLING, COUNTS, OBSERVABLES, SWEEP, GROWTH, ESTIMATES, FINISHED)
SUITES = {Name(suite.name): suite for suite in _ALL}


def main(
    suites: Annotated[list[Name] | None, typer.Argument(help="Which; by default all.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of one measurement, roughly.")] = None,
    rounds: Annotated[int | None, typer.Option(help="How often each measurement is made.")] = None,
    out: Annotated[Path, typer.Option(help="Where figures and pictures go.")] = Path("results/benchmarks"),
) -> None:
    """Time jaxcollapse beside its peers: a step, a refit, a whole sweep; what its parts take, and how it grows."""
    os.environ.setdefault(
        "XLA_PYTHON_CLIENT_PREALLOCATE", "false"
    )  # suites start processes that share a GPU with this one
    console = Console(width=None if sys.stdout.isatty() else 160)
    here = machine()
    console.print(here, highlight=False)
    for name in suites or SUITES:
        suite = SUITES[name]
        effort = Effort(seconds or suite.effort.seconds, rounds or suite.effort.rounds)
        with console.status(f"measuring {name}"):
            rows = suite.measure(effort)
        console.print(suite.table(rows))
        for note in suite.notes(rows):
            console.print(note, highlight=False)
        for path in keep(suite, rows, effort, here, out):
            console.print(f"{path}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
