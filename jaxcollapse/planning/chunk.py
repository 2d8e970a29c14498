"""A chunk: trajectories that are computed and stored together, and what it is called."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Beginning:
    """An earlier generation that trajectories continue from.

    Attributes:
        shard: name of the shard that holds them up to this generation.
        generation: the generation.
        places: for each trajectory its place in the shard.
        state: for each trajectory its state, [trajectory, word]; None until it is about to be computed.
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
    """Trajectories that have been computed up to a generation, in the order of the shard that holds them.

    Attributes:
        shard: name of the shard.
        generation: the last generation that it holds.
        cells: cell of each trajectory.
        replicates: replicate of each trajectory.
    """

    shard: str
    generation: int
    cells: np.ndarray
    replicates: np.ndarray


@dataclass(frozen=True)
class Chunk:
    """Trajectories that are computed and stored together; all of one bucket, with equal loops.

    Attributes:
        id: name of the chunk, and of its shard.
        bucket: index of its bucket in the plan.
        loops: values of `structure.Loops`.
        cells: cell of each trajectory.
        replicates: replicate of each trajectory.
        beginning: the generation that they continue from; None if they start at generation 0.
        whole: name of the chunk of the plan that this is a part of; None if it is not a part.
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
