"""A small neural n-gram: a context has a vector, which goes through hidden layers to the logits of all tokens."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcollapse.parameterisations import PARAMETERISATIONS
from jaxcollapse.parameterisations.parameterisation import Parameterisation, Table, centred
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Layers as Depth
from jaxcollapse.parts.field_types import Width


class Layers(NamedTuple):
    """Parameters of a network.

    Attributes:
        embedding: vectors of the contexts, [context, unit].
        weights: of each layer, [from, to]; the last layer gives the logits.
        biases: of each layer, [to].
    """

    embedding: Any
    weights: tuple[Any, ...]
    biases: tuple[Any, ...]


@PARAMETERISATIONS.adds(
    Field(
        name="embedding_size",
        type=Width,
        default=16,
        description="Mlp: dimension of the embedding of a context.",
        label="embedding size",
    ),
    Field(
        name="hidden_size",
        type=Width,
        default=64,
        description="Mlp: number of units in a hidden layer.",
        label="hidden size",
    ),
    Field(
        name="hidden_layers",
        type=Depth,
        default=1,
        description="Mlp: number of hidden layers.",
        label="hidden layers",
    ),
)
@dataclass(frozen=True)
class Mlp(Parameterisation):
    """An embedding, `depth` hidden layers of `width` with tanh, an output layer (Bengio et al. 2003, with one word)."""

    embedding: int = field(metadata={"field": "embedding_size"})
    width: int = field(metadata={"field": "hidden_size"})
    depth: int = field(metadata={"field": "hidden_layers"})

    def __str__(self) -> str:
        return f"mlp {self.embedding}-{'-'.join([str(self.width)] * self.depth)}"

    def logits(self, parameters: Layers) -> Table:
        """The table that the network computes, layer by layer, from the embeddings of the contexts."""
        state = parameters.embedding
        for place, (weights, bias) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
            state = (
                jnp.matmul(jnp.tanh(state) if place else state, weights, precision=jax.lax.Precision.HIGHEST)
                + bias[None]
            )
        return state

    def guess(self, table: np.ndarray, weights: np.ndarray, random: np.random.Generator) -> Layers:
        """Random weights of the usual scale; the last layer is nothing but the mean row."""
        sizes = self._sizes(table.shape[1])
        rows = centred(table)
        layers = tuple(random.normal(0, 1 / np.sqrt(pair[0]), pair) for pair in pairwise(sizes))
        biases = (*(np.zeros(size) for size in sizes[1:-1]), weights @ rows / weights.sum())
        return Layers(random.normal(0, 1, (len(table), self.embedding)), layers, biases)

    def shapes(self, contexts: int, tokens: int) -> Layers:
        """An embedding, and as many layers as there are hidden ones and one more."""
        sizes = self._sizes(tokens)
        return Layers((contexts, self.embedding), tuple(pairwise(sizes)), tuple((size,) for size in sizes[1:]))

    def _sizes(self, tokens: int) -> list[int]:
        return [self.embedding, *[self.width] * self.depth, tokens]
