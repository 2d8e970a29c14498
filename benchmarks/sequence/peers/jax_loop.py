"""Plain JAX, one model after the other: one compiled generation, whose arrays are written over."""

from functools import partial

import jax

from benchmarks.contender import Run
from benchmarks.sequence.point import Point, parameters
from benchmarks.sequence.transformer import OPTIMISER, generation


def run_of(point: Point, trajectories: int) -> Run | None:
    whole, step = parameters(point), jax.jit(partial(generation, point), donate_argnums=(0, 1))
    models = [
        jax.tree.map(lambda each, model=model: jax.numpy.asarray(each[model]), whole) for model in range(trajectories)
    ]
    states = [(model, OPTIMISER.init(model)) for model in models]
    keys = jax.random.split(jax.random.key(0), trajectories)

    def run(generations: int) -> object:
        for _ in range(generations):
            states[:] = [step(*state, key) for state, key in zip(states, keys, strict=True)]
        return jax.block_until_ready(states)

    return run
