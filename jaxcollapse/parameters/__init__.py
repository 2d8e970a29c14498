"""Parameters: what a table of logits is made from, and how one is made that comes close to a given table."""

from jaxcollapse.parameters.lowrank import LowRank
from jaxcollapse.parameters.mlp import Mlp
from jaxcollapse.parameters.parameterisation import Parameterisation
from jaxcollapse.parameters.table import FreeTable

__all__ = ["FreeTable", "LowRank", "Mlp", "Parameterisation"]
