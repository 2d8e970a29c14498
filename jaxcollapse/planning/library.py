"""The initial distributions of a sweep, each made once."""

from functools import cached_property

import numpy as np

from jaxcollapse.initial.distribution import Distribution, InitialKind
from jaxcollapse.sweep.grid import Grid, stable_hash


class Library:
    """p0 of every cell: `index` says which of `distributions` a cell starts from."""

    def __init__(self, grid: Grid, seed: int):
        specs, sizes = grid.column("initial"), grid.column("vocab_size")
        takes_size = np.array([spec.takes_vocab_size for spec in specs.values])[specs.codes]
        size_code = np.where(takes_size, sizes.codes, 0)
        pairs, index = np.unique(np.stack([specs.codes, size_code], axis=1), axis=0, return_inverse=True)
        self.index = index.reshape(-1).astype(np.int32)
        self._seed = seed
        self._pairs = [(specs.values[spec], sizes.values[size]) for spec, size in pairs.tolist()]

    @cached_property
    def specs(self) -> list[InitialKind]:
        """What each distribution is, as the sweep file says it."""
        return [spec for spec, _ in self._pairs]

    @cached_property
    def distributions(self) -> list[Distribution]:
        """The distributions; for a kind that is random per trajectory, only its size counts."""
        made = []
        for spec, vocab_size in self._pairs:
            if spec.is_random:
                made.append(Distribution(np.zeros(vocab_size)))
            else:
                words = stable_hash("initial", [self._seed, spec.model_dump(), vocab_size])
                key = np.array([words >> 32, words & 0xFFFFFFFF], np.uint32)
                made.append(spec.distribution(vocab_size, key))
        return made

    @property
    def sizes(self) -> np.ndarray:
        """Number of tokens of each cell."""
        return np.array([distribution.size for distribution in self.distributions], np.int64)[self.index]
