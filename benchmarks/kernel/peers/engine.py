"""jaxcollapse."""

from typing import Any

from benchmarks import engine
from benchmarks.contender import Run
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point


def process(point: Point) -> dict[str, Any]:
    """As a sweep file has it."""
    return {
        "vocab_size": point.tokens,
        "batch_size": point.batch,
        "temperature": TEMPERATURE,
        "learning_rate": LEARNING_RATE,
    }


def run_of(point: Point, trajectories: int) -> Run | None:
    return engine.run_of(process(point), trajectories)
