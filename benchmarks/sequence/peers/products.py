"""The matrix products with weights alone, one model after the other: once to draw, and three times to learn."""

import jax
import jax.numpy as jnp

from benchmarks.contender import Run
from benchmarks.sequence.point import LAYERS, Point, parameters


def run_of(point: Point, trajectories: int) -> Run | None:
    names = ("asked", "taken", "wider", "back", "tokens")
    weights = {name: jnp.asarray(each) for name, each in parameters(point).items() if name in names}

    def through(weights: dict[str, jax.Array], state: jax.Array) -> tuple[jax.Array, jax.Array]:
        for layer in range(LAYERS):
            asked = state @ weights["asked"][layer]
            state = asked[:, : point.width] @ weights["taken"][layer] @ weights["wider"][layer] @ weights["back"][layer]
        return state, state @ weights["tokens"].T

    @jax.jit
    def step(weights: dict[str, jax.Array]) -> object:
        def place(state: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            return through(weights, state)

        state, drawn = jax.lax.scan(place, jnp.ones((point.traces, point.width)), length=point.places)
        learned, back = jax.vjp(through, weights, jnp.tile(state, (point.places, 1)))
        return drawn, back(learned)

    models = [jax.tree.map(lambda each, model=model: each[model], weights) for model in range(trajectories)]

    def run(generations: int) -> object:
        return [jax.block_until_ready([step(model) for model in models]) for _ in range(generations)][-1]

    return run
