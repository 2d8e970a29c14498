"""jaxcollapse."""

from typing import Any

from benchmarks import engine
from benchmarks.contender import Run
from benchmarks.refit.point import Point


def process(point: Point) -> dict[str, Any]:
    """As a sweep file has it."""
    return {"update": "refit", "vocab_size": point.tokens, "samples": point.samples}


def run_of(point: Point, trajectories: int) -> Run | None:
    return engine.run_of(process(point), trajectories)
