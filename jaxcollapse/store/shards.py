"""What the shards of a study hold, once they are verified."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxcollapse.planning import Begun
from jaxcollapse.store.placement import ELSEWHERE


@dataclass(frozen=True)
class Shards:
    """What a study's shards hold.

    Attributes:
        good: verified files, with the rows that their trajectories have in the dataset.
        begun: files from when the study had fewer generations, with rows and the last generation.
        told: provenance of each good file.
        seals: seals of the good files.
        bad: files that do not count, and why.
        astray: number of trajectories in good files that the sweep lacks.
        status: status of each trajectory, [cell, replicate].
        asked: for each cell how many replicates a rule asks for by now; None without a rule, or before it is known.
    """

    good: dict[Path, np.ndarray]
    begun: dict[Path, tuple[np.ndarray, int]]
    told: list[dict[str, Any]]
    seals: dict[Path, bytes]
    bad: dict[Path, str]
    astray: int
    status: np.ndarray
    asked: np.ndarray | None = None

    @property
    def done(self) -> np.ndarray:
        """Trajectories that need not be computed again."""
        return self.status > 0

    @property
    def seen(self) -> frozenset[Path]:
        """All files that were looked at."""
        return frozenset([*self.good, *self.begun, *self.bad])

    @property
    def replicates(self) -> int:
        """The least number of replicates that has room for all trajectories that are held."""
        held = [int((rows % self.status.shape[1]).max()) + 1 for rows in map(_inside, self.good.values()) if len(rows)]
        begun = [int((rows % self.status.shape[1]).max()) + 1 for rows, _ in self.begun.values() if len(rows)]
        return max([*held, *begun], default=0)

    def fitted(self, asked: np.ndarray) -> "Shards":
        """These shards, for arrays with places for no more replicates than some cell has, or is asked for."""
        before, after = self.status.shape[1], max(self.replicates, int(asked.max()))
        good = {path: _moved(rows, before, after) for path, rows in self.good.items()}
        begun = {path: (_moved(rows, before, after), last) for path, (rows, last) in self.begun.items()}
        return replace(self, good=good, begun=begun, status=self.status[:, :after], asked=asked)

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


def _inside(rows: np.ndarray) -> np.ndarray:
    """The rows of trajectories that the sweep has."""
    return rows[rows != ELSEWHERE]


def _moved(rows: np.ndarray, before: int, after: int) -> np.ndarray:
    """Rows in arrays with so many replicates, in arrays with fewer."""
    cells, replicates = np.divmod(rows, before)
    return np.where(rows == ELSEWHERE, ELSEWHERE, cells * after + replicates).astype(rows.dtype)
