"""A causal transformer: pre-norm, with tied embeddings (Vaswani et al. 2017; Radford et al. 2019; Su et al. 2021).

It is made of few large operations, so that many small models at once fill a machine: heads are a dimension of one
product, and hidden units are squared where they are positive (So et al. 2021), which costs a tenth of a smooth
activation on CPUs.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from jaxcollapse.errors import InputError
from jaxcollapse.parameterisations import PARAMETERISATIONS
from jaxcollapse.parameterisations.network import (
    LAYERS,
    MATMULS,
    SPREAD,
    WIDTH,
    Laws,
    Matmuls,
    Network,
    Windows,
    apart,
    normalised,
    product,
)
from jaxcollapse.parts.field import Field
from jaxcollapse.parts.field_types import Width

Positions = Literal["learned", "rotary"]
_WIDER = 4  # hidden units of a layer, by its width
_SLOWEST = 10_000.0  # places, over 2π, in which the slowest of rotary angles goes round once


class Blocks(NamedTuple):
    """Parameters of all layers.

    Attributes:
        attends: scales before attention [layer, unit].
        asked: weights of queries, keys and values [layer, unit, 3 · unit].
        taken: weights of what attention gives [layer, unit, unit].
        thinks: scales before the hidden units [layer, unit].
        wider: weights to the hidden units [layer, unit, hidden].
        back: weights from the hidden units [layer, hidden, unit].
    """

    attends: Any
    asked: Any
    taken: Any
    thinks: Any
    wider: Any
    back: Any


class Weights(NamedTuple):
    """Parameters of a transformer.

    Attributes:
        start: vector in the place of the token before a trace [unit].
        tokens: vectors of the tokens, which are the output layer, too [token, unit].
        places: vectors of the places [place, unit]; None if positions are rotary.
        blocks: of the layers.
        last: scales before the output [unit].
    """

    start: Any
    tokens: Any
    places: Any
    blocks: Blocks
    last: Any


class Memory(NamedTuple):
    """What is remembered of the places so far, layer by layer.

    Attributes:
        keys: of attention, each [trace, head, place, unit].
        values: that go with them.
        blocks: parameters of each layer.
    """

    keys: Any
    values: Any
    blocks: tuple[Blocks, ...]


@PARAMETERISATIONS.adds(
    WIDTH,
    LAYERS,
    Field(
        name="heads",
        type=Width,
        default=4,
        description="Transformer: number of heads of attention, which divides the width.",
        label="heads of attention",
    ),
    Field(
        name="positions",
        type=("learned", "rotary"),
        default="learned",
        description="Transformer: how a place is known: by a learned vector, or by rotations of queries and keys.",
        label="positions",
        is_off=True,
    ),
    MATMULS,
)
@dataclass(frozen=True)
class Transformer(Network):
    """Layers of causal attention and of hidden units, each added to what there is."""

    width: int
    layers: int
    heads: int
    positions: Positions
    matmuls: Matmuls

    def __str__(self) -> str:
        return f"transformer of {self.layers} × {self.width}, {self.heads} heads"

    def check(self) -> None:
        """Raises `InputError` unless heads divide the width, into even parts if they are rotated."""
        if self.width % self.heads:
            raise InputError("process.heads", f"{self.heads}: must divide width = {self.width}")
        if self.positions == "rotary" and self.width // self.heads % 2:
            told = f"{self.heads}: a head has {self.width // self.heads} units; rotary positions need an even number"
            raise InputError("process.heads", told)

    def sizes(self, places: int, tokens: int) -> Weights:
        """The shapes of all weights."""
        wide, deep, hidden = self.width, self.layers, _WIDER * self.width
        blocks = Blocks(
            (deep, wide), (deep, wide, 3 * wide), (deep, wide, wide), (deep, wide), (deep, wide, hidden),
            (deep, hidden, wide),
        )  # fmt: skip
        return Weights(
            (wide,), (tokens, wide), (places, wide) if self.positions == "learned" else None, blocks, (wide,)
        )

    def begun(self, places: int, tokens: int, random: np.random.Generator) -> Weights:
        """Normal weights; those that end in what is added up are smaller, the deeper the network is."""
        shapes = self.sizes(places, tokens)

        def drawn(shape: tuple[int, ...], spread: float = SPREAD) -> np.ndarray:
            return random.normal(0, spread, shape).astype(np.float32)

        last = SPREAD / np.sqrt(2 * self.layers)
        blocks = Blocks(
            np.ones(shapes.blocks.attends, np.float32),
            drawn(shapes.blocks.asked, self.width**-0.5),
            drawn(shapes.blocks.taken, last),
            np.ones(shapes.blocks.thinks, np.float32),
            drawn(shapes.blocks.wider, self.width**-0.5),
            drawn(shapes.blocks.back, last),
        )
        where = None if shapes.places is None else drawn(shapes.places)
        return Weights(drawn(shapes.start), drawn(shapes.tokens), where, blocks, np.ones(shapes.last, np.float32))

    def kept(self, places: int) -> int:
        """The states of all layers, and the weights of attention."""
        return self.layers * places * ((10 + 3 * _WIDER) * self.width + 3 * self.heads * places)

    def next_tokens(self, parameters: Weights, windows: Windows) -> Laws:
        """Logits at all places at once: attention sees the places up to each."""
        traces, places = windows.shape
        before = parameters.tokens[windows[:, :-1]]
        start = jnp.broadcast_to(parameters.start, (traces, 1, self.width))
        state = jnp.concatenate([start, before], axis=1)
        where = jnp.arange(places, dtype=jnp.int32)
        state = state if parameters.places is None else state + parameters.places[jnp.newaxis, :places]
        sees = where[:, jnp.newaxis] >= where[jnp.newaxis]

        def layer(state: Array, block: Blocks) -> tuple[Array, None]:
            query, key, value = self._asked(state, block, where)
            weights, whole = _weights(self._scores(query, key, sees))
            return self._after(state, self._taken(weights, value) / whole, block), None

        state, _ = jax.lax.scan(layer, state, parameters.blocks, unroll=self._unrolled)
        return self._out(parameters, state)

    def memory(self, parameters: Weights, traces: int, places: int) -> Memory:
        """Keys and values of no place yet, and the layers, which a loop over places need not take apart again."""
        shape = (traces, self.heads, places, self.width // self.heads)
        nothing = (jnp.zeros(shape, parameters.tokens.dtype),) * self.layers
        return Memory(nothing, nothing, apart(parameters.blocks, self.layers))

    def following(
        self, parameters: Weights, memory: Memory, place: Int32[Array, ""], token: Int32[Array, " trace"]
    ) -> tuple[Float[Array, "trace token"], Memory]:
        """One more place: its key and value join those of the places before."""
        start = jnp.broadcast_to(parameters.start, (len(token), self.width))
        state = jnp.where(place == 0, start, parameters.tokens[token])[:, jnp.newaxis]
        state = state if parameters.places is None else state + parameters.places[place][jnp.newaxis, jnp.newaxis]
        sees = (jnp.arange(memory.keys[0].shape[2], dtype=jnp.int32) < place)[jnp.newaxis]
        itself, kept = jnp.ones((1, 1), bool), []
        for block, keys, values in zip(memory.blocks, memory.keys, memory.values, strict=True):
            query, key, value = self._asked(state, block, place[jnp.newaxis])
            # Apart from those before, so that nothing reads what is being written: else XLA copies the memory.
            scores = self._scores(query, keys, sees), self._scores(query, key, itself)
            weights, whole = _weights(jnp.concatenate(scores, axis=-1))
            taken = self._taken(weights[..., :-1], values) + self._taken(weights[..., -1:], value)
            state = self._after(state, taken / whole, block)
            kept.append((_put(keys, key, place), _put(values, value, place)))
        keys, values = zip(*kept, strict=True)
        return self._out(parameters, state)[:, 0], Memory(keys, values, memory.blocks)

    @property
    def _unrolled(self) -> int:
        """Layers that are written out in a program: a loop over few of them takes longer than it saves to compile."""
        return min(self.layers, 4)

    def _asked(self, state: Array, block: Blocks, where: Int32[Array, " place"]) -> list[Array]:
        """Queries, keys and values [trace, head, place, unit]."""
        asked = self._product(normalised(state, block.attends), block.asked)
        parts = asked.reshape(*state.shape[:-1], 3, self.heads, -1).transpose(2, 0, 3, 1, 4)
        if self.positions == "learned":
            return [*parts]
        return [_rotated(parts[0], where), _rotated(parts[1], where), parts[2]]

    def _scores(self, query: Array, key: Array, sees: Bool[Array, "place seen"]) -> Array:
        """How much each place asks for each that it sees [trace, head, place, seen]."""
        scores = product("thpu,thqu->thpq", query, key, self.matmuls)
        scale = jnp.asarray(query.shape[-1] ** -0.5, query.dtype)
        return jnp.where(sees[jnp.newaxis, jnp.newaxis], scores * scale, -jnp.inf)

    def _taken(self, weights: Array, value: Array) -> Array:
        """A sum of values, by weights [trace, head, place, unit]."""
        return product("thpq,thqu->thpu", weights, value, self.matmuls)

    def _after(self, state: Array, taken: Array, block: Blocks) -> Array:
        """The state after a layer: with what attention took, and what the hidden units make of it."""
        state = state + self._product(taken.transpose(0, 2, 1, 3).reshape(state.shape), block.taken)
        hidden = jnp.square(jax.nn.relu(self._product(normalised(state, block.thinks), block.wider)))
        return state + self._product(hidden, block.back)

    def _out(self, parameters: Weights, state: Array) -> Array:
        return self._product(normalised(state, parameters.last), parameters.tokens.T)

    def _product(self, state: Array, weights: Array) -> Array:
        return product("...u,uv->...v", state, weights, self.matmuls)


def _weights(scores: Float[Array, "*place seen"]) -> tuple[Float[Array, "*place seen"], Float[Array, "*place 1"]]:
    """Weights of attention, and their sums: what is taken is divided by these, since it has fewer numbers."""
    weights = jnp.exp(scores - jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True)))
    return weights, jnp.sum(weights, axis=-1, keepdims=True)


def _rotated(vectors: Float[Array, "trace head place unit"], where: Int32[Array, " place"]) -> Array:
    """Pairs of units turned by angles in proportion to the place: products then depend on distances alone."""
    half = vectors.shape[-1] // 2
    speed = jnp.asarray(_SLOWEST ** (-np.arange(half) / half), vectors.dtype)
    angle = (where.astype(vectors.dtype)[:, jnp.newaxis] * speed[jnp.newaxis])[jnp.newaxis, jnp.newaxis]
    first, second = vectors[..., :half], vectors[..., half:]
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return jnp.concatenate([first * cosine - second * sine, first * sine + second * cosine], axis=-1)


@jax.custom_batching.custom_vmap
def _put(
    kept: Float[Array, "*trace place unit"], new: Float[Array, "*trace 1 unit"], place: Int32[Array, ""]
) -> Float[Array, "*trace place unit"]:
    """What is kept of places, with something new at one of them."""
    return jax.lax.dynamic_update_slice_in_dim(kept, new, place, axis=kept.ndim - 2)


@_put.def_vmap
def _(lanes: int, batched: list[bool], kept: Array, new: Array, place: Array) -> tuple[Array, bool]:
    """All trajectories are at the same place: by itself JAX makes a scatter of it, for which XLA copies everything."""
    assert not batched[2]
    kept, new = (
        each if has else jnp.broadcast_to(each, (lanes, *each.shape))
        for each, has in zip((kept, new), batched[:2], strict=True)
    )
    return _put(kept, new, place), True
