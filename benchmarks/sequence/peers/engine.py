"""jaxcollapse, without pre-training: that takes no part in a generation."""

from pathlib import Path
from typing import Any

from benchmarks import engine
from benchmarks.contender import Run
from benchmarks.sequence.point import HEADS, LAYERS, LEARNING_RATE, Point

_TEXT = Path(__file__).parents[3] / "sweeps" / "data" / "shakespeare.txt"  # its characters are the tokens


def process(point: Point) -> dict[str, Any]:
    """As a sweep file has it."""
    return {
        "model": "sequence",
        "initial": {"kind": "text", "path": str(_TEXT), "tokenizer": "characters"},
        "context_length": point.places,
        "width": point.width,
        "layers": LAYERS,
        "heads": HEADS,
        "probes": point.places,
        "pretraining_steps": 0,
        "optimizer": "adam",
        "learning_rate": LEARNING_RATE,
        "batch_size": point.traces,
    }


def run_of(point: Point, trajectories: int) -> Run | None:
    return engine.run_of(process(point), trajectories)
