"""A low-rank table: contexts and tokens have vectors, and a logit is their product."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcollapse.parameterisations import PARAMETERISATIONS
from jaxcollapse.parameterisations.parameterisation import Parameterisation, Table, centred
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Width

_IDLE = 1e-6  # a component this small is rounding


class Factors(NamedTuple):
    """Parameters of a table of low rank.

    Attributes:
        left: vectors of the contexts, [context, rank].
        right: vectors of the tokens, [token, rank].
        bias: bias of each token, [token]; None if there is none.
    """

    left: Any
    right: Any
    bias: Any


@PARAMETERISATIONS.adds(
    Field(
        name="rank",
        type=Width,
        default=8,
        description="Lowrank: rank of the factorisation, the dimension of the vectors of contexts and tokens.",
        label="rank",
    ),
    Field(name="bias", type=bool, default=False, description="Lowrank: whether each token has a bias.", label="bias"),
    name="lowrank",
)
@dataclass(frozen=True)
class LowRank(Parameterisation):
    """z = left · rightᵀ + bias: what a language model's output layer is, with free vectors in place of its states."""

    rank: int
    bias: bool

    def __str__(self) -> str:
        return f"rank {self.rank}{' and bias' if self.bias else ''}"

    def logits(self, parameters: Factors) -> Table:
        """The table: the product of the two matrices, plus the bias of each token."""
        product = jnp.matmul(parameters.left, parameters.right.T, precision=jax.lax.Precision.HIGHEST)
        return product if parameters.bias is None else product + parameters.bias[None]

    def guess(self, table: np.ndarray, weights: np.ndarray, random: np.random.Generator) -> Factors:
        """The nearest table of this rank in the mean square (Eckart–Young), rows centred, which changes no softmax.

        What the table has no use for is zero in the contexts' vectors alone: if it were in both, no step would move it.
        """
        rows = centred(table)
        bias = weights @ rows / weights.sum() if self.bias else None
        scale = np.sqrt(weights / weights.max())[:, np.newaxis]
        left, size, right = np.linalg.svd(scale * (rows if bias is None else rows - bias), full_matrices=False)
        kept = min(self.rank, len(size))
        root = np.sqrt(np.pad(size[:kept], (0, self.rank - kept)))
        missing = [(0, 0), (0, self.rank - kept)]
        left, right = np.pad(left[:, :kept], missing) * root / scale, np.pad(right[:kept].T, missing) * root
        idle = root <= _IDLE * max(1, root.max())
        left[:, idle], right[:, idle] = 0, random.normal(0, 1 / np.sqrt(self.rank), (len(right), idle.sum()))
        return Factors(left, right, bias)

    def shapes(self, contexts: int, tokens: int) -> Factors:
        """The shapes of the two matrices, and of the bias if there is one."""
        return Factors((contexts, self.rank), (tokens, self.rank), (tokens,) if self.bias else None)
