"""A loop over the generations of one trajectory in JAX, vmapped and compiled."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from benchmarks.contender import Run
from benchmarks.kernel.point import Point, initial_logits

Trajectory = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]  # key, initial logits, generations → logits


def compiled(trajectory: Trajectory, point: Point, trajectories: int) -> Run:
    batched = jax.jit(jax.vmap(trajectory, in_axes=(0, 0, None)))
    keys = jax.random.split(jax.random.key(0), trajectories)
    start = jnp.asarray(initial_logits(point, trajectories), jnp.float32)
    return lambda generations: jax.block_until_ready(batched(keys, start, jnp.int32(generations)))
