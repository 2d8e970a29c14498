"""The fit before generation 0: parameters whose table comes as close to a given one as they allow."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize

from jaxcollapse.parameters.parameterisation import Parameterisation

_FLOOR = 1e-4  # least weight of a row that traces never visit, relative to the mean
_ITERATIONS = 500


def fit(parameters: Parameterisation, table: np.ndarray, visits: np.ndarray, seed: int) -> tuple[Any, float]:
    """Maximum likelihood on infinitely many traces, by L-BFGS in double precision, on one core.

    Args:
        parameters: the family.
        table: logits [context, token] of what is to be fitted, −∞ for impossible tokens.
        visits: [context], how many tokens of a trace are drawn from each row.
        seed: of the random numbers that the fit starts from, where it does.

    Returns:
        The parameters, and the residual: the mean of KL(given ‖ fitted) over the tokens of traces, in nat.
    """
    weights = visits / visits.sum()
    weights = np.maximum(weights, _FLOOR / len(weights))
    guess = parameters.guess(table, weights, np.random.default_rng(seed))
    if parameters.is_free:
        return guess, 0.0
    leaves, structure = jax.tree.flatten(guess)
    sizes = np.cumsum([leaf.size for leaf in leaves])[:-1]
    shapes = [leaf.shape for leaf in leaves]

    def unflattened(flat: Any) -> Any:
        parts = (part.reshape(shape) for part, shape in zip(np.split(flat, sizes), shapes, strict=True))
        return jax.tree.unflatten(structure, list(parts))

    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        given, weight = jnp.asarray(table, jnp.float64), jnp.asarray(weights, jnp.float64)
        compiled = (
            jax.jit(jax.value_and_grad(partial(_divergence, parameters, given), argnums=1))
            .lower(weight, unflattened(np.concatenate([leaf.reshape(-1) for leaf in leaves])))
            .compile({"xla_cpu_multi_thread_eigen": False})
        )

        def value_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = compiled(weight, unflattened(flat))
            return float(value), np.concatenate([np.asarray(leaf).reshape(-1) for leaf in jax.tree.leaves(slope)])

        start = np.concatenate([np.asarray(leaf, float).reshape(-1) for leaf in leaves])
        options = {"maxiter": _ITERATIONS, "maxfun": 2 * _ITERATIONS, "ftol": 1e-8, "gtol": 1e-8, "maxcor": 20}
        found = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
        residual, _ = compiled(jnp.asarray(visits / visits.sum()), unflattened(found.x))
    return unflattened(found.x), float(residual)


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
