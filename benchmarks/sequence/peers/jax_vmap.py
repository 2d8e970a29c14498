"""Plain JAX, all models at once."""

from functools import partial

import jax

from benchmarks.contender import Run
from benchmarks.sequence.point import Point, parameters
from benchmarks.sequence.transformer import OPTIMISER, generation


def run_of(point: Point, trajectories: int) -> Run | None:
    step = jax.jit(jax.vmap(partial(generation, point)), donate_argnums=(0, 1))
    weights = jax.tree.map(jax.numpy.asarray, parameters(point))
    state = [(weights, jax.vmap(OPTIMISER.init)(weights))]
    keys = jax.random.split(jax.random.key(0), trajectories)

    def run(generations: int) -> object:
        for _ in range(generations):
            state[0] = step(*state[0], keys)
        return jax.block_until_ready(state)

    return run
