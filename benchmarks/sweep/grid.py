"""The sweep that everyone computes: plain SGD from Zipf's law, of which the entropy is recorded."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Grid(NamedTuple):
    """Values of the axes, and what each cell has. recorded: generations."""

    vocab_size: list[int]
    temperature: list[float]
    learning_rate: list[float]
    batch_size: list[int]
    replicates: int
    recorded: list[int]

    @property
    def axes(self) -> dict[str, list]:
        """Values by name, in the order of the dimensions."""
        return {name: getattr(self, name) for name in ("vocab_size", "temperature", "learning_rate", "batch_size")}

    def write(self, path: Path) -> None:
        """As JSON, for the processes that compute it."""
        path.write_text(json.dumps(self._asdict()))

    @classmethod
    def read(cls, path: Path) -> "Grid":
        """What `write` wrote."""
        return cls(**json.loads(path.read_text()))


GRID = Grid(
    vocab_size=[16, 256, 1024],
    temperature=[0.8, 0.9, 1.0, 1.1, 1.2],
    learning_rate=np.geomspace(0.01, 10, 5).tolist(),
    batch_size=[1, 8, 64, 512],
    replicates=16,
    recorded=[0, 50, 100, 150, 200],
)
