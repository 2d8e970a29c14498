"""What the shards of a study hold, once they are verified."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxcollapse.planning import Begun
from jaxcollapse.store.placement import ELSEWHERE


@dataclass(frozen=True)
class Shards:
    """What a study's shards hold.

    good: verified files, with the rows that their trajectories have in the dataset. begun: of files from when the study
    had fewer generations, the rows and the last generation. told: the provenance of each good one. seals: of the good
    ones. bad: file → why it does not count. astray: how many trajectories of good ones the sweep does not have. status:
    of each trajectory, [cell, replicate].
    """

    good: dict[Path, np.ndarray]
    begun: dict[Path, tuple[np.ndarray, int]]
    told: list[dict[str, Any]]
    seals: dict[Path, bytes]
    bad: dict[Path, str]
    astray: int
    status: np.ndarray

    @property
    def done(self) -> np.ndarray:
        """Trajectories that need not be computed again."""
        return self.status > 0

    @property
    def names(self) -> list[str]:
        """Names of all shards that count."""
        return [path.stem for path in (*self.good, *self.begun)]

    def begun_in(self, names: Collection[str]) -> list[Begun]:
        """What the shards of these names hold of earlier generations, the latest first."""
        latest_first = sorted(self.begun.items(), key=lambda item: -item[1][1])
        return [
            Begun(path.stem, generation, *divmod(where, self.status.shape[1]))
            for path, (where, generation) in latest_first
            if path.stem in names
        ]

    def held_by(self, names: Collection[str]) -> np.ndarray:
        """Trajectories that the shards of these names hold, [cell, replicate]."""
        held = np.zeros(self.status.size, bool)
        for path, where in self.good.items():
            if path.stem in names:
                held[where[where != ELSEWHERE]] = True
        return held.reshape(self.status.shape)
