"""What every contender computes: a generation of transformers that learn from what they have just written.

Each model draws B traces token by token, and takes one step of Adam on their cross-entropy.
"""

from typing import NamedTuple

import numpy as np

LEARNING_RATE = 1e-4
HEADS, LAYERS, WIDER = 4, 2, 4


class Point(NamedTuple):
    """traces: B, of a generation. models: how many. tokens: V. places: tokens of a trace. width: units of a layer."""

    traces: int
    models: int = 32
    tokens: int = 59
    places: int = 64
    width: int = 64


POINTS = [Point(1), Point(16)]


def parameters(point: Point) -> dict[str, np.ndarray]:
    """Weights of all models, by name; those of layers have them as their second dimension [model, ...]."""
    random, wide, hidden = np.random.default_rng(0), point.width, WIDER * point.width
    shapes = {
        "start": (wide,),
        "tokens": (point.tokens, wide),
        "places": (point.places, wide),
        "asked": (LAYERS, wide, 3 * wide),
        "taken": (LAYERS, wide, wide),
        "wider": (LAYERS, wide, hidden),
        "back": (LAYERS, hidden, wide),
    }
    drawn = {name: random.normal(0, wide**-0.5, (point.models, *shape)) for name, shape in shapes.items()}
    ones = {name: np.ones((point.models, *shape)) for name, shape in _scales(wide).items()}
    return {name: each.astype(np.float32) for name, each in {**drawn, **ones}.items()}


def _scales(wide: int) -> dict[str, tuple[int, ...]]:
    return {"attends": (LAYERS, wide), "thinks": (LAYERS, wide), "last": (wide,)}
