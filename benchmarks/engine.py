"""jaxcollapse, as `run` drives it, without files: one cell with as many replicates as there are trajectories."""

from collections.abc import Mapping
from typing import Any

import jax

from benchmarks.contender import Run
from jaxcollapse import Sweep, plan
from jaxcollapse.execute import execute

_CALLS = 4  # device calls of one run on CPUs; on an accelerator one is much, beside what it takes to plan and store it


def trajectories(process: Mapping[str, Any]) -> int:
    """As many as fill a few device calls."""
    calls = _CALLS if jax.default_backend() == "cpu" else 1
    return calls * plan(_sweep(process, 1, 1)).buckets[0].lanes


def run_of(process: Mapping[str, Any], trajectories: int) -> Run:
    """Everything but compilation counts: the plan, the initial logits, the way back to NumPy."""

    def run(generations: int) -> None:
        for _ in execute(plan(_sweep(process, trajectories, generations)), lambda finished: None):
            pass

    return run


def _sweep(process: Mapping[str, Any], replicates: int, generations: int) -> Sweep:
    return Sweep.from_dict(
        {
            "replicates": replicates,
            "generations": generations,
            "record": {"points": 2},
            "observables": ["entropy"],
            "process": dict(process),
        }
    )
