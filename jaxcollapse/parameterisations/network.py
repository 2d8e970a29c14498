"""Networks that read sequences: what they have in common, whatever is inside."""

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32

from jaxcollapse.errors import InputError
from jaxcollapse.parameterisations.parameterisation import Parameterisation, Table, is_shape
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Layers, Width

Windows = Int32[Array, "trace place"]
Laws = Float[Array, "trace place token"]
Matmuls = Literal["full", "bfloat16"]
SPREAD = 0.02  # standard deviation of vectors of tokens before anything is learned

WIDTH = Field(
    name="width",
    type=Width,
    default=64,
    description="Transformer, GRU: number of units d of a layer.",
    label="width of the network",
)
LAYERS = Field(
    name="layers",
    type=Layers,
    default=2,
    description="Transformer, GRU: number of layers.",
    label="layers of the network",
)
MATMULS = Field(
    name="matmuls",
    type=("full", "bfloat16"),
    default="full",
    description="Transformer, GRU: precision of the factors of matrix products: that of the sweep, or bfloat16 "
    "with sums in single precision.",
    label="precision of matrix products",
    is_off=True,
)


class Network(Parameterisation):
    """A map from the tokens of a window to the logits of the next one, at each of its places.

    A window of no token has a law, too: that of a trace's first token. Parameters are a pytree of arrays, which are
    drawn at random and learned from a text (`pretraining.py`).
    """

    reads_windows: ClassVar[bool] = True

    @abstractmethod
    def next_tokens(self, parameters: Any, windows: Windows) -> Laws:
        """Logits of the token at each place of windows, given those before it; the last token has no effect."""

    @abstractmethod
    def memory(self, parameters: Any, traces: int, places: int) -> Any:
        """What is remembered of so many traces of no token: a pytree of arrays, for `following`."""

    @abstractmethod
    def following(
        self, parameters: Any, memory: Any, place: Int32[Array, ""], token: Int32[Array, " trace"]
    ) -> tuple[Float[Array, "trace token"], Any]:
        """Logits of the token at a place of each trace, and what is remembered then.

        Args:
            parameters: of the network.
            memory: what is remembered of the tokens before the last one.
            place: its number, from 0.
            token: the last token of each trace; at place 0 it has no effect.
        """

    @abstractmethod
    def sizes(self, places: int, tokens: int) -> Any:
        """The shapes of the parameters, for windows of so many tokens."""

    @abstractmethod
    def begun(self, places: int, tokens: int, random: np.random.Generator) -> Any:
        """Parameters before anything is learned, single precision."""

    @abstractmethod
    def kept(self, places: int) -> int:
        """How many numbers a step keeps of one window for its derivative, without the logits."""

    def check(self) -> None:
        """Raises `InputError` if values of its fields do not fit together."""

    def logits(self, parameters: Any) -> Table:
        """A network has no table of its own."""
        raise NotImplementedError("a network has rows for windows alone: see next_tokens")

    def guess(self, table: np.ndarray, weights: np.ndarray, random: np.random.Generator) -> Any:
        """A network is fitted to a text, and not to a table."""
        raise InputError("process.parameters", f"{self.part!r} is for model = 'sequence'")

    def shapes(self, contexts: int, tokens: int) -> Any:
        """A network's shapes depend on the length of windows: see sizes."""
        raise InputError("process.parameters", f"{self.part!r} is for model = 'sequence'")

    def numbers(self, places: int, tokens: int) -> int:
        """How many parameters there are."""
        shapes = jax.tree.leaves(self.sizes(places, tokens), is_leaf=is_shape)
        return int(sum(np.prod(shape) for shape in shapes))


def normalised(state: Float[Array, "*place unit"], scale: Float[Array, " unit"]) -> Float[Array, "*place unit"]:
    """States divided by the root of their mean square, times a scale for each unit (Zhang and Sennrich 2019)."""
    size = jax.lax.rsqrt(jnp.mean(jnp.square(state), axis=-1, keepdims=True) + 1e-6)
    return state * size * jnp.expand_dims(scale, tuple(range(state.ndim - 1)))


def apart(parameters: Any, layers: int) -> tuple[Any, ...]:
    """The parameters of each layer, of those of all, whose arrays have layers as their first dimension."""
    return tuple(jax.tree.map(lambda each, layer=layer: each[layer], parameters) for layer in range(layers))


def product(subscripts: str, left: Array, right: Array, matmuls: Matmuls) -> Array:
    """A product of arrays, summed as the subscripts of `einsum` say, from factors in a precision; of the left's type.

    matmuls: "full": the factors as they are. "bfloat16": rounded to that, with sums in single precision.
    """
    if matmuls == "full":
        return jnp.einsum(subscripts, left, right, precision=jax.lax.Precision.HIGHEST)
    rounded = (each.astype(jnp.bfloat16) for each in (left, right))
    return jnp.einsum(subscripts, *rounded, preferred_element_type=jnp.float32).astype(left.dtype)
