"""A free table: the parameters are the logits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jaxcollapse.parameterisations import PARAMETERISATIONS
from jaxcollapse.parameterisations.parameterisation import Parameterisation, Possible, Table


@PARAMETERISATIONS.adds(name="table")
@dataclass(frozen=True)
class FreeTable(Parameterisation):
    """Logits [context, token], −∞ among them."""

    is_free: ClassVar[bool] = True

    def __str__(self) -> str:
        return ""

    def logits(self, parameters: Table) -> Table:
        """Themselves."""
        return parameters

    def guess(self, table: np.ndarray, weights: np.ndarray, random: np.random.Generator) -> Any:
        """The table, which needs no fit."""
        return table

    def shapes(self, contexts: int, tokens: int) -> Any:
        """One array."""
        return (contexts, tokens)

    def table(self, parameters: Table, possible: Possible) -> Table:
        """What has died out stays −∞, and nothing else is."""
        return parameters

    def forward(self, parameters: Table, possible: Possible) -> tuple[Table, Callable[[Table], Table]]:
        """The gradient is its own."""
        return parameters, lambda slope: slope
