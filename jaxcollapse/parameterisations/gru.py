"""Gated recurrent units: what is remembered of a trace is one state a layer (Cho et al. 2014; Chung et al. 2014)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32

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


class Gates(NamedTuple):
    """Parameters of all layers; what to reset, what to keep and what is new lie side by side.

    Attributes:
        scale: scales before a layer [layer, unit].
        given: weights from what is below [layer, unit, 3 · unit].
        before: weights from the state at the place before [layer, unit, 3 · unit].
        bias: of the sums of both [layer, 3 · unit].
    """

    scale: Any
    given: Any
    before: Any
    bias: Any


class GruWeights(NamedTuple):
    """Parameters of a recurrent network.

    Attributes:
        start: vector in the place of the token before a trace [unit].
        tokens: vectors of the tokens, which are the output layer, too [token, unit].
        gates: of the layers.
        last: scales before the output [unit].
    """

    start: Any
    tokens: Any
    gates: Gates
    last: Any


class GruMemory(NamedTuple):
    """What is remembered of the places so far, layer by layer.

    Attributes:
        states: at the last place, each [trace, unit].
        gates: parameters of each layer.
    """

    states: tuple[Any, ...]
    gates: tuple[Gates, ...]


@PARAMETERISATIONS.adds(WIDTH, LAYERS, MATMULS)
@dataclass(frozen=True)
class Gru(Network):
    """Layers of gated recurrent units, whose states are added to what there is."""

    width: int
    layers: int
    matmuls: Matmuls

    def __str__(self) -> str:
        return f"GRU of {self.layers} × {self.width}"

    def sizes(self, places: int, tokens: int) -> GruWeights:
        """The shapes of all weights, however long windows are."""
        wide, deep = self.width, self.layers
        gates = Gates((deep, wide), (deep, wide, 3 * wide), (deep, wide, 3 * wide), (deep, 3 * wide))
        return GruWeights((wide,), (tokens, wide), gates, (wide,))

    def begun(self, places: int, tokens: int, random: np.random.Generator) -> GruWeights:
        """Normal weights, without biases."""
        shapes = self.sizes(places, tokens)
        gates, spread = shapes.gates, self.width**-0.5
        given, before = (random.normal(0, spread, shape).astype(np.float32) for shape in (gates.given, gates.before))
        start, vectors = (random.normal(0, SPREAD, shape).astype(np.float32) for shape in (shapes.start, shapes.tokens))
        scale, bias = np.ones(gates.scale, np.float32), np.zeros(gates.bias, np.float32)
        return GruWeights(start, vectors, Gates(scale, given, before, bias), np.ones(shapes.last, np.float32))

    def kept(self, places: int) -> int:
        """What the gates of all layers take and give."""
        return self.layers * places * 14 * self.width

    def next_tokens(self, parameters: GruWeights, windows: Windows) -> Laws:
        """Logits at all places, layer by layer: what is below a layer is known before its first place."""
        start = jnp.broadcast_to(parameters.start, (len(windows), 1, self.width))
        state = jnp.concatenate([start, parameters.tokens[windows[:, :-1]]], axis=1)

        def layer(state: Array, gates: Gates) -> tuple[Array, None]:
            def place(before: Array, given: Array) -> tuple[Array, Array]:
                now = self._now(given, before, gates)
                return now, now

            given = self._given(state, gates).transpose(1, 0, 2)
            _, found = jax.lax.scan(place, jnp.zeros_like(state[:, 0]), given)
            return state + found.transpose(1, 0, 2), None

        state, _ = jax.lax.scan(layer, state, parameters.gates)
        return self._out(parameters, state)

    def memory(self, parameters: GruWeights, traces: int, places: int) -> GruMemory:
        """States of zero before the first place, and the layers, which a loop need not take apart again."""
        nothing = jnp.zeros((traces, self.width), parameters.tokens.dtype)
        return GruMemory((nothing,) * self.layers, apart(parameters.gates, self.layers))

    def following(
        self, parameters: GruWeights, memory: GruMemory, place: Int32[Array, ""], token: Int32[Array, " trace"]
    ) -> tuple[Float[Array, "trace token"], GruMemory]:
        """One more place: each layer has another state."""
        start = jnp.broadcast_to(parameters.start, (len(token), self.width))
        state, states = jnp.where(place == 0, start, parameters.tokens[token]), []
        for gates, before in zip(memory.gates, memory.states, strict=True):
            states.append(self._now(self._given(state, gates), before, gates))
            state = state + states[-1]
        return self._out(parameters, state), GruMemory(tuple(states), memory.gates)

    def _given(self, state: Array, gates: Gates) -> Array:
        """What comes from below [trace, *place, 3 · unit]."""
        below = product("...u,uv->...v", normalised(state, gates.scale), gates.given, self.matmuls)
        return below + jnp.expand_dims(gates.bias, tuple(range(state.ndim - 1)))

    def _now(self, given: Array, before: Array, gates: Gates) -> Array:
        """The state at a place [trace, unit], from what comes from below and the state at the place before."""
        remembered = product("...u,uv->...v", before, gates.before, self.matmuls)
        (reset, keep, new), (again, kept, old) = (jnp.split(each, 3, axis=-1) for each in (given, remembered))
        share = jax.nn.sigmoid(keep + kept)
        return share * before + (1 - share) * jnp.tanh(new + jax.nn.sigmoid(reset + again) * old)

    def _out(self, parameters: GruWeights, state: Array) -> Array:
        return product("...u,uv->...v", normalised(state, parameters.last), parameters.tokens.T, self.matmuls)
