"""The fit before generation 0: parameters whose table comes as close to a given one as they allow."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float

from jaxcollapse.parameterisations.parameterisation import Parameterisation
from jaxcollapse.system.jax_settings import arithmetic
from jaxcollapse.system.jit_on_disk import jit_on_disk

_FLOOR = 1e-4  # least weight of a row that traces never visit, relative to the mean
_ITERATIONS, _MEMORY = 1000, 20
_LOOKS_BACK, _LEAST_GAIN = 10, 1e-8  # steps, and what they gain together in nat


def fit(parameters: Parameterisation, table: np.ndarray, visits: np.ndarray, seed: int) -> Any:
    """Maximum likelihood on infinitely many traces, by L-BFGS in double precision, on one core.

    Args:
        parameters: the family.
        table: logits [context, token] of what is to be fitted, −∞ for impossible tokens.
        visits: [context], how many tokens of a trace are drawn from each row.
        seed: of the random numbers that the fit starts from, where it does.

    Returns:
        The parameters, a pytree of arrays.
    """
    shares = visits / visits.sum()
    weights = np.maximum(shares, _FLOOR / len(shares))
    guess = parameters.guess(table, weights, np.random.default_rng(seed))
    if parameters.is_free:
        return guess
    # optax counts on JAX's standard type promotion, whatever the user has set.
    with (
        arithmetic("float64"),
        jax.numpy_dtype_promotion("standard"),
        jax.default_device(jax.local_devices(backend="cpu")[0]),
    ):
        start = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), guess)
        found = _improved(np.asarray(table, np.float64), weights.astype(np.float64), start, family=parameters)
        return jax.tree.map(np.asarray, found)


@partial(jit_on_disk, gives_like=2)
def _improved(given: Array, weights: Array, start: Any, *, family: Parameterisation) -> Any:
    """Steps of L-BFGS until ten of them together gain next to nothing."""
    descent = optax.lbfgs(memory_size=_MEMORY)

    def value(parameters: Any) -> Float[Array, ""]:
        return _divergence(family, given, weights, parameters)

    value_and_grad = optax.value_and_grad_from_state(value)

    def step(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        number, parameters, state, earlier = carry
        loss, slope = value_and_grad(parameters, state=state)
        updates, state = descent.update(slope, state, parameters, value=loss, grad=slope, value_fn=value)
        return number + 1, optax.apply_updates(parameters, updates), state, jnp.roll(earlier, 1).at[0].set(loss)

    def goes_on(carry: tuple[Any, ...]) -> Bool[Array, ""]:
        number, _, _, earlier = carry
        return (number < _ITERATIONS) & ~(earlier[-1] - earlier[0] < _LEAST_GAIN)

    none_yet = jnp.full(_LOOKS_BACK, jnp.inf, jnp.float64)
    carry = (jnp.int32(0), start, descent.init(start), none_yet)
    return jax.lax.while_loop(goes_on, step, carry)[1]


def _divergence(
    parameters: Parameterisation,
    given: Float[Array, "context token"],
    weights: Float[Array, " context"],
    values: Any,
) -> Float[Array, ""]:
    """Σ weights · KL(given ‖ fitted), in nat."""
    possible = given > -jnp.inf
    log_p = jax.nn.log_softmax(given, axis=-1)
    log_q = jax.nn.log_softmax(jnp.where(possible, parameters.logits(values), -jnp.inf), axis=-1)
    terms = jnp.where(possible, jnp.exp(log_p) * (jnp.where(possible, log_p, 0) - jnp.where(possible, log_q, 0)), 0)
    return jnp.sum(weights * jnp.sum(terms, axis=-1))
