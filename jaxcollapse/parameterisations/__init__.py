"""Parameters: what a table of logits is made from, and how one is made that comes close to a given table."""

from jaxcollapse.parameterisations.lowrank import LowRank
from jaxcollapse.parameterisations.mlp import Mlp
from jaxcollapse.parameterisations.parameterisation import Parameterisation
from jaxcollapse.parameterisations.table import FreeTable

__all__ = ["FreeTable", "LowRank", "Mlp", "Parameterisation"]
