"""Traces of chains, drawn by both engines."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse.sampling.multinomial import Method
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.walk import Numbers, urn
from tests.observables.structured import log
from tests.support.engines import hurried_jit

METHODS = {"native": Method(native=True, always_splits=True), "XLA": Method(native=False, always_splits=True)}
each_engine = pytest.mark.parametrize("engine", METHODS)


@partial(hurried_jit, static_argnames=("walk", "how", "number"))
def _sampled(
    walk: Markov, how: Method, number: int, weights: jax.Array, traces: jax.Array, length: jax.Array, end: jax.Array
) -> jax.Array:
    keys = jnp.stack([jnp.full(number, 9, jnp.uint32), jnp.arange(number, dtype=jnp.uint32)], axis=1)

    def draw(key: jax.Array) -> jax.Array:
        return walk.sample(key, weights, traces, how, jnp.int32(0), Numbers(length, end))

    return jax.vmap(draw)(keys)


def sampled(
    walk: Markov, engine: str, number: int, rows: np.ndarray, traces: int, length: int, end: int = -1
) -> np.ndarray:
    """Counts [key, context, token] of so many traces with each of `number` keys."""
    weights = urn(jnp.asarray(log(rows)))
    numbers = (jnp.int32(each) for each in (traces, length, end))
    return np.asarray(_sampled(walk, METHODS[engine], number, weights, *numbers))
