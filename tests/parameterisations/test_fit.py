"""Parameters: the fit before generation 0, gradients of the loss, and where gradient steps lead in the limit."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jaxcollapse.parameterisations.fit import fit
from jaxcollapse.parameterisations.lowrank import LowRank
from jaxcollapse.parameterisations.mlp import Mlp
from jaxcollapse.parameterisations.parameterisation import Parameterisation
from jaxcollapse.parameterisations.table import FreeTable
from jaxcollapse.training.gradient import cross_entropy_gradient, expected_gradient
from tests.reference.laws import kl
from tests.support.one_device import run, table
from tests.support.sweeps import probabilities

INF = float("inf")
SHARED: dict[str, Parameterisation] = {
    "lowrank": LowRank(2, bias=False),
    "lowrank with a bias": LowRank(3, bias=True),
    "mlp": Mlp(4, 6, 1),
    "deep mlp": Mlp(3, 5, 2),
}
each_shared = pytest.mark.parametrize("name", SHARED)


def _logits(random: np.random.Generator, *, lost: bool, shape: tuple[int, int] = (7, 6)) -> np.ndarray:
    logits = 2 * random.normal(size=shape)
    if lost:
        logits[random.random(shape) < 0.25] = -np.inf
        logits[np.arange(shape[0]), random.integers(0, shape[1], shape[0])] = 0.5
    return logits


def _fitted(parameters: Parameterisation, logits: np.ndarray, visits: np.ndarray) -> tuple[np.ndarray, float, Any]:
    """ln of the probabilities that the fit gives, in float64; their divergence from what is fitted; the parameters."""
    values = fit(parameters, logits, visits, 3)
    with jax.enable_x64(True):
        found = np.asarray(parameters.table(values, jnp.asarray(logits > -np.inf)))
    log_q = special.log_softmax(found, axis=1)
    return log_q, _divergence(logits, log_q, visits), values


def _divergence(logits: np.ndarray, log_q: np.ndarray, visits: np.ndarray) -> float:
    log_p = special.log_softmax(logits, axis=1)
    return sum(visits[row] / visits.sum() * kl(log_p[row], log_q[row]) for row in range(len(visits)))


VISITS = np.array([1.0, 3.0, 0.5, 2.0, 0.1, 1.0, 4.0])


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("parameters", [LowRank(6, bias=False), LowRank(5, bias=True), Mlp(16, 64, 1)], ids=str)
def test_a_family_that_is_large_enough_reproduces_any_table(parameters: Parameterisation, lost: bool) -> None:
    logits = _logits(np.random.default_rng(1), lost=lost)
    log_q, residual, _ = _fitted(parameters, logits, VISITS)
    assert residual < 1e-5
    np.testing.assert_allclose(np.exp(log_q), special.softmax(logits, axis=1), atol=5e-3)
    np.testing.assert_array_equal(log_q == -np.inf, logits == -np.inf)


@pytest.mark.parametrize("lost", [False, True])
def test_the_residual_falls_with_the_rank(lost: bool) -> None:
    """And the fit is better than what it starts from, the table that is nearest in the mean square."""
    logits, residuals = _logits(np.random.default_rng(2), lost=lost), []
    for rank in (1, 2, 3, 5):
        parameters = LowRank(rank, bias=False)
        residual = _fitted(parameters, logits, VISITS)[1]
        nearest = parameters.guess(logits, VISITS / VISITS.sum(), np.random.default_rng(0))
        before = special.log_softmax(np.where(logits > -np.inf, nearest.left @ nearest.right.T, -np.inf), axis=1)
        assert residual <= _divergence(logits, before, VISITS) + 1e-12
        residuals.append(residual)
    assert residuals[0] > 0.05
    assert (np.diff(residuals) <= 1e-9).all()
    assert residuals[0] > 3 * residuals[2] > 0


def test_a_bias_lowers_the_residual_and_units_do_too() -> None:
    logits = _logits(np.random.default_rng(4), lost=False)
    found = {each: _fitted(each, logits, VISITS)[1] for each in (LowRank(1, bias=False), LowRank(1, bias=True))}
    assert found[LowRank(1, bias=True)] < 0.9 * found[LowRank(1, bias=False)]
    assert _fitted(Mlp(2, 2, 1), logits, VISITS)[1] > 10 * _fitted(Mlp(16, 64, 1), logits, VISITS)[1]


def test_the_rows_that_are_visited_are_fitted_better() -> None:
    logits, often = _logits(np.random.default_rng(5), lost=False), np.where(np.arange(7) == 2, 300.0, 1.0)
    parameters, log_p = LowRank(1, bias=False), special.log_softmax(logits, axis=1)
    evenly, mostly = (_fitted(parameters, logits, visits)[0] for visits in (np.ones(7), often))
    assert kl(log_p[2], mostly[2]) < 0.2 * kl(log_p[2], evenly[2])


def test_a_free_table_needs_no_fit() -> None:
    logits = _logits(np.random.default_rng(6), lost=True)
    np.testing.assert_array_equal(fit(FreeTable(), logits, VISITS, 0), logits)


def test_the_fit_depends_on_the_seed_alone() -> None:
    logits = _logits(np.random.default_rng(7), lost=False)
    one, again, other = (fit(Mlp(2, 2, 1), logits, VISITS, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.embedding, again.embedding)
    assert (one.embedding != other.embedding).all()


def _loss(parameters: Parameterisation, possible: jax.Array, counts: jax.Array, values: Any) -> jax.Array:
    """The mean cross-entropy over tokens."""
    log_p = jax.nn.log_softmax(jnp.where(possible, parameters.logits(values), -jnp.inf), axis=-1)
    return -jnp.sum(jnp.where(counts > 0, counts * log_p, 0)) / jnp.sum(counts)


@pytest.mark.parametrize("rank", [3, 9])
def test_every_component_of_a_low_rank_table_can_learn(rank: int) -> None:
    """Also of a uniform table, and where there are more components than the table needs: none is zero in both."""
    for logits in (np.zeros((7, 6)), np.tile(np.arange(6.0), (7, 1)), _logits(np.random.default_rng(11), lost=False)):
        values = fit(LowRank(rank, bias=False), logits, VISITS, 3)
        assert (np.abs(values.left).max(axis=0) + np.abs(values.right).max(axis=0) > 1e-3).all()


@each_shared
def test_gradients_are_those_of_the_mean_cross_entropy(name: str) -> None:
    """Of counts over (context, token), some rows without any; and of infinitely many traces."""
    random, parameters = np.random.default_rng(8), SHARED[name]
    logits = _logits(random, lost=True)
    guess = parameters.guess(logits, VISITS, random)
    with jax.enable_x64(True):
        values, possible = jax.tree.map(jnp.asarray, guess), jnp.asarray(logits > -np.inf)
        counts = jnp.asarray(np.where(logits > -np.inf, random.integers(0, 5, logits.shape), 0) * 1.0).at[3].set(0)
        table, pull_back = parameters.forward(values, possible)
        found = pull_back(cross_entropy_gradient(table, counts / jnp.sum(counts)))
        expected = jax.grad(partial(_loss, parameters, possible, counts))(values)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-13), found, expected)

        shares = jnp.asarray(VISITS / VISITS.sum())
        target = jnp.where(possible, jnp.asarray(random.normal(size=logits.shape)), -jnp.inf)
        found = pull_back(expected_gradient(table, target, shares))
        weights = shares[:, None] * jax.nn.softmax(target, axis=-1)
        expected = jax.grad(partial(_loss, parameters, possible, weights))(values)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-13), found, expected)
        assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(found)) > 0.01


CHAIN = np.random.default_rng(9).dirichlet(np.full(4, 2.0), 5)
IDEAL: dict[str, Any] = {
    "model": "markov",
    "initial": table(CHAIN),
    "trace_length": 5,
    "temperature": 0.8,
    "samples": INF,
}
SIZES = {"rank": 4, "embedding_size": 4, "hidden_size": 12}
DESCENT = {"optimizer": "momentum", "batch_size": INF, "optimizer_state": "fresh", "learning_rate": 0.3}


@pytest.fixture(scope="module")
def descended() -> Any:
    """Three steps and a thousand, of each kind of parameters that shares them, large enough for any table."""
    axes = {"parameters": ["lowrank", "mlp"], "steps": [3, 1000]}
    return run({**IDEAL, **SIZES, **DESCENT}, axes, generations=2, replicates=1).isel(replicate=0)


def test_gradient_steps_lead_to_the_refit_of_a_table(descended: Any) -> None:
    """Parameters that can be any table reach, step by step, what a table is fitted to at once."""
    refit = run({**IDEAL, "update": "refit"}, generations=2, replicates=1).isel(replicate=0)
    expected = probabilities(refit)
    assert np.abs(expected[2] - expected[0]).max() > 0.1
    for parameters, limit in (("lowrank", 3e-4), ("mlp", 1e-3)):
        found = probabilities(descended.sel(parameters=parameters, steps=1000))
        np.testing.assert_allclose(found, expected, atol=limit)


@pytest.mark.parametrize("name", ["lowrank", "mlp"])
def test_a_few_steps_are_those_of_the_loss_of_traces(descended: Any, name: str) -> None:
    """Three steps of momentum on the mean cross-entropy, its gradient by JAX, in float64; from the same fit."""
    parameters = {"lowrank": LowRank(4, bias=False), "mlp": Mlp(4, 12, 1)}[name]
    data = descended.sel(parameters=name, steps=3)
    start = data.logits.values[0].astype(float)
    target = special.softmax(start / 0.8, axis=1)
    laws = [target[0] @ np.linalg.matrix_power(target[1:], place) for place in range(5)]
    shares = np.append(1, np.sum(laws[:-1], axis=0)) / 5
    fitted = _parameters_of(name)
    with jax.enable_x64(True):
        values, possible = jax.tree.map(jnp.asarray, fitted), jnp.ones(start.shape, bool)
        np.testing.assert_allclose(parameters.logits(values), start, atol=2e-5)
        slope = jax.jit(jax.grad(partial(_loss, parameters, possible, jnp.asarray(shares[:, None] * target))))
        velocity = jax.tree.map(jnp.zeros_like, values)
        for _ in range(3):
            velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, slope(values))
            values = jax.tree.map(lambda z, v: z - 0.3 * v, values, velocity)
        expected = np.asarray(parameters.logits(values))
    assert np.abs(expected - start).max() > 0.01
    np.testing.assert_allclose(data.logits.values[1], expected, atol=3e-5)


def _parameters_of(name: str) -> Any:
    """What the engine has fitted."""
    import jaxcollapse as jc

    axes = {"parameters": [name]}
    sizes = {"lowrank": {"rank": 4}, "mlp": {"embedding_size": 4, "hidden_size": 12}}[name]
    cells = jc.plan(jc.Sweep.from_dict({"process": {**IDEAL, **DESCENT, **sizes, "steps": 3}, "axes": axes})).cells
    structure = cells.programs[0].structure
    return cells.library.fitted(0, structure.parameters, structure.walk, 5)


def test_rows_never_visited_drift_if_and_only_if_parameters_are_shared() -> None:
    """One trace of two tokens a generation: most rows are not visited."""
    rows = np.random.default_rng(10).dirichlet(np.ones(6), 7)
    process = {"model": "markov", "initial": table(rows), "trace_length": 2, "samples": 1, "batch_size": 1, "rank": 2}
    process |= {"embedding_size": 4, "hidden_size": 6}
    found = run(
        process,
        {"parameters": ["table", "lowrank", "mlp"]},
        generations=2,
        replicates=40,
        observables=["unvisited_drift", "within_divergence"],
    )
    drift = found.unvisited_drift.values[:, :, 1:]
    assert np.isfinite(drift).mean() > 0.95
    drift = drift[:, np.isfinite(drift).all(axis=(0, 2))]
    assert (drift[0] == 0).all()
    assert (drift[1:] > 1e-8).all()
    moved = found.logits.values[0, :, -1] != found.logits.values[0, :, 0]
    assert moved.any(axis=-1).sum(axis=-1).max() <= 4
    assert (found.within_divergence.values[0, :, -1] > 0).mean() > 0.9
