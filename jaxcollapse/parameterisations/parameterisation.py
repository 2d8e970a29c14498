"""What every kind of parameters has: a map to a table of logits, with its derivative, and a start for the fit."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

Table = Float[Array, "context token"]
Possible = Bool[Array, "context token"]


class Parameterisation(ABC):
    """The map from parameters to a table of logits: a frozen dataclass, which decides shapes and code paths.

    Parameters themselves are a pytree of arrays.

    Attributes:
        part: the value of the field `parameters` that chooses the map.
        is_free: whether every table is within reach, and each row is moved by its own traces alone.
        reads_windows: whether it has a row for any window of tokens (a `Network`), rather than a table of rows.
    """

    part: ClassVar[str]
    is_free: ClassVar[bool] = False
    reads_windows: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.part

    @abstractmethod
    def logits(self, parameters: Any) -> Table:
        """The table of logits of all tokens, impossible ones included."""

    @abstractmethod
    def guess(self, table: np.ndarray, weights: np.ndarray, random: np.random.Generator) -> Any:
        """Parameters from which the fit to a table starts; its rows matter with these weights."""

    @abstractmethod
    def shapes(self, contexts: int, tokens: int) -> Any:
        """The shapes of the parameters of a table of this size."""

    def table(self, parameters: Any, possible: Possible) -> Table:
        """The table of logits, with −∞ for impossible tokens."""
        return jnp.where(possible, self.logits(parameters), -jnp.inf)

    def forward(self, parameters: Any, possible: Possible) -> tuple[Table, Callable[[Table], Any]]:
        """The table of logits, and a function for the chain rule.

        The function takes a gradient with respect to the table, and returns one with respect to the parameters.
        """
        table, pull_back = jax.vjp(lambda each: self.table(each, possible), parameters)
        return table, lambda slope: pull_back(slope)[0]


def centred(table: np.ndarray) -> np.ndarray:
    """Rows less their means, impossible tokens as if they were the least likely ones: where a fit may start."""
    finite = np.isfinite(table)
    lowest = np.min(table, axis=1, keepdims=True, where=finite, initial=0)
    rows = np.where(finite, table, lowest)
    return rows - rows.mean(axis=1, keepdims=True)


def is_shape(value: Any) -> bool:
    """Whether this is one array's shape, rather than a tree of several."""
    return type(value) is tuple and all(isinstance(size, int) for size in value)
