"""jaxcollapse."""

from typing import Any

from benchmarks import engine
from benchmarks.contender import Run
from benchmarks.rewards.point import CORRECT, FALSE_POSITIVE_RATE, LEARNING_RATE, TRUE_POSITIVE_RATE, Point


def process(point: Point) -> dict[str, Any]:
    """As a sweep file has it."""
    return {
        "update": "policy_gradient",
        "vocab_size": point.tokens,
        "batch_size": point.group,
        "group_size": point.group,
        "correct_share": CORRECT,
        "true_positive_rate": TRUE_POSITIVE_RATE,
        "false_positive_rate": FALSE_POSITIVE_RATE,
        "learning_rate": LEARNING_RATE,
    }


def run_of(point: Point, trajectories: int) -> Run | None:
    return engine.run_of(process(point), trajectories)
