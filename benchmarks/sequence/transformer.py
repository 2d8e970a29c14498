"""A small transformer in plain JAX: as somebody would write it who needs one model, with a cache for drawing."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.sequence.point import HEADS, LAYERS, LEARNING_RATE, Point

OPTIMISER = optax.adam(LEARNING_RATE)


def generation(point: Point, weights: Any, memory: Any, key: jax.Array) -> tuple[Any, Any]:
    """One generation of one model: its weights, and the optimiser's memory."""
    traces = drawn(point, weights, key)
    gradient = jax.grad(cross_entropy)(weights, traces)
    change, memory = OPTIMISER.update(gradient, memory, weights)
    return optax.apply_updates(weights, change), memory


def drawn(point: Point, weights: Any, key: jax.Array) -> jax.Array:
    """Traces [trace, place]."""
    shape = (point.traces, HEADS, point.places, point.width // HEADS)
    cache = [(jnp.zeros(shape), jnp.zeros(shape)) for _ in range(LAYERS)]

    def place(carry: Any, now: Any) -> tuple[Any, jax.Array]:
        cache, token = carry
        index, own = now
        state = jnp.where(index == 0, weights["start"], weights["tokens"][token]) + weights["places"][index]
        state, sees, following = state[:, jnp.newaxis], jnp.arange(point.places) <= index, []
        for layer, (keys, values) in enumerate(cache):
            query, key, value = _asked(weights, layer, state)
            keys = jax.lax.dynamic_update_slice_in_dim(keys, key, index, axis=2)
            values = jax.lax.dynamic_update_slice_in_dim(values, value, index, axis=2)
            following.append((keys, values))
            state = _after(weights, layer, state, _attended(query, keys, values, sees))
        token = jax.random.categorical(own, _out(weights, state)[:, 0])
        return (following, token), token

    places = jnp.arange(point.places), jax.random.split(key, point.places)
    return jax.lax.scan(place, (cache, jnp.zeros(point.traces, int)), places)[1].T


def cross_entropy(weights: Any, traces: jax.Array) -> jax.Array:
    """The mean over all tokens."""
    start = jnp.broadcast_to(weights["start"], (len(traces), 1, len(weights["start"])))
    state = jnp.concatenate([start, weights["tokens"][traces[:, :-1]]], axis=1) + weights["places"]
    sees = jnp.tri(traces.shape[1], dtype=bool)
    for layer in range(LAYERS):
        query, key, value = _asked(weights, layer, state)
        state = _after(weights, layer, state, _attended(query, key, value, sees))
    log_p = jax.nn.log_softmax(_out(weights, state))
    return -jnp.mean(jnp.take_along_axis(log_p, traces[..., jnp.newaxis], axis=-1))


def _asked(weights: Any, layer: int, state: jax.Array) -> list[jax.Array]:
    asked = _normalised(state, weights["attends"][layer]) @ weights["asked"][layer]
    shape = (*state.shape[:2], HEADS, -1)
    return [each.reshape(shape).transpose(0, 2, 1, 3) for each in jnp.split(asked, 3, axis=-1)]


def _attended(query: jax.Array, key: jax.Array, value: jax.Array, sees: jax.Array) -> jax.Array:
    scores = jnp.einsum("thpu,thqu->thpq", query, key) * query.shape[-1] ** -0.5
    taken = jnp.einsum("thpq,thqu->tphu", jax.nn.softmax(jnp.where(sees, scores, -jnp.inf)), value)
    return taken.reshape(*taken.shape[:2], -1)


def _after(weights: Any, layer: int, state: jax.Array, taken: jax.Array) -> jax.Array:
    state = state + taken @ weights["taken"][layer]
    hidden = jax.nn.relu(_normalised(state, weights["thinks"][layer]) @ weights["wider"][layer]) ** 2
    return state + hidden @ weights["back"][layer]


def _out(weights: Any, state: jax.Array) -> jax.Array:
    return _normalised(state, weights["last"]) @ weights["tokens"].T


def _normalised(state: jax.Array, scale: jax.Array) -> jax.Array:
    return state * jax.lax.rsqrt(jnp.mean(state**2, axis=-1, keepdims=True) + 1e-6) * scale
