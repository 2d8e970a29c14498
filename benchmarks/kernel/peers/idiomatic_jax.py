"""JAX as one would write it: vmap of `jax.random.categorical` and `jax.grad`, updates by optax."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.contender import Run
from benchmarks.kernel.peers.compiled_jax import compiled
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point

_MOST_DRAWS = 2**27  # tokens × traces × trajectories that the Gumbel trick can hold in memory


def run_of(point: Point, trajectories: int) -> Run | None:
    if point.tokens * point.batch * trajectories > _MOST_DRAWS:
        return None
    descent = optax.sgd(LEARNING_RATE)

    def loss(z: jax.Array, tokens: jax.Array) -> jax.Array:
        rows_of_logits = jnp.broadcast_to(z, (point.batch, point.tokens))
        return optax.softmax_cross_entropy_with_integer_labels(rows_of_logits, tokens).mean()

    def trajectory(key: jax.Array, start: jax.Array, generations: jax.Array) -> jax.Array:
        def step(generation: jax.Array, carry: tuple[jax.Array, Any]) -> tuple[jax.Array, Any]:
            z, state = carry
            own = jax.random.fold_in(key, generation)
            tokens = jax.random.categorical(own, z / TEMPERATURE, shape=(point.batch,))
            updates, state = descent.update(jax.grad(loss)(z, tokens), state)
            return optax.apply_updates(z, updates), state

        return jax.lax.fori_loop(0, generations, step, (start, descent.init(start)))[0]

    return compiled(trajectory, point, trajectories)
