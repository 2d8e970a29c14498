"""A chunk: trajectories that are computed and stored together, and what it is called."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Beginning:
    """Where trajectories stand that go on from an earlier generation.

    shard: the name of the one that holds them up to this generation. places: of each in it. state: of each,
    [trajectory, word], from when they are about to be computed.
    """

    shard: str
    generation: int
    places: np.ndarray
    state: np.ndarray | None = None

    def part(self, places: np.ndarray) -> "Beginning":
        """The trajectories at these places of it."""
        state = None if self.state is None else self.state[places]
        return replace(self, places=self.places[places], state=state)


@dataclass(frozen=True)
class Begun:
    """Trajectories that have been computed up to a generation: the shard that holds them, in its order."""

    shard: str
    generation: int
    cells: np.ndarray
    replicates: np.ndarray


@dataclass(frozen=True)
class Chunk:
    """Trajectories that are computed and stored together; all of one bucket, with equal loops.

    cells, replicates: one entry for each trajectory. loops: those of `structure.Loops`. beginning: None if
    they start at generation 0. whole: if it is a part of a chunk of the plan, the name of that.
    """

    id: str
    bucket: int
    loops: tuple[int, ...]
    cells: np.ndarray
    replicates: np.ndarray
    beginning: Beginning | None = None
    whole: str | None = None

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def claim(self) -> str:
        """The name by which runs claim it, whatever part of it they lack."""
        return self.whole or self.id

    @property
    def since(self) -> int:
        """The generation that its trajectories go on from."""
        return self.beginning.generation if self.beginning else 0

    @property
    def state(self) -> np.ndarray | None:
        """What its trajectories go on from, if that is known by now."""
        return self.beginning.state if self.beginning else None


def chunk_id(identities: np.ndarray, replicates: np.ndarray, generations: int | None = None) -> str:
    """The name of the trajectories with these identities and replicate numbers, in this order.

    generations: how far they go, where a study may hold them up to different ones.
    """
    digest = hashlib.sha256(identities.astype("<u8").tobytes())
    digest.update(replicates.astype("<i4").tobytes())
    if generations is not None:
        digest.update(np.array(generations, "<i8").tobytes())
    return digest.hexdigest()[:16]
