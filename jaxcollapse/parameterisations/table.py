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
        """The parameters, which are the table of logits."""
        return parameters

    def guess(self, table: np.ndarray, weights: np.ndarray, random: np.random.Generator) -> Any:
        """The table, which needs no fit."""
        return table

    def shapes(self, contexts: int, tokens: int) -> Any:
        """The shape of the table, [context, token]."""
        return (contexts, tokens)

    def table(self, parameters: Table, possible: Possible) -> Table:
        """The parameters: impossible tokens already have logit −∞ there."""
        return parameters

    def forward(self, parameters: Table, possible: Possible) -> tuple[Table, Callable[[Table], Table]]:
        """The table, and the identity: a gradient with respect to the table is one with respect to the parameters."""
        return parameters, lambda slope: slope
