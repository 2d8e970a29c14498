"""A limit: the expected update alone. No JAX program that computes both softmaxes with XLA's exponential is faster."""

import jax

from benchmarks.contender import Run
from benchmarks.kernel.peers.compiled_jax import compiled
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point


def run_of(point: Point, trajectories: int) -> Run | None:
    def trajectory(key: jax.Array, start: jax.Array, generations: jax.Array) -> jax.Array:
        def step(generation: jax.Array, z: jax.Array) -> jax.Array:
            return z - LEARNING_RATE * (jax.nn.softmax(z) - jax.nn.softmax(z / TEMPERATURE))

        return jax.lax.fori_loop(0, generations, step, start)

    return compiled(trajectory, point, trajectories)
