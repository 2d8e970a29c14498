"""Poisson and binomial counts against SciPy's probabilities."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxcollapse.sampling import variates
from tests.statistics import assert_counts, assert_mean

KEYS = 4000
EACH = 64


def keys(seed: int) -> jax.Array:
    return jax.random.key_data(jax.random.split(jax.random.key(seed), KEYS))


_poisson = jax.jit(jax.vmap(variates.poisson, (0, None)))
_binomial = jax.jit(jax.vmap(variates.binomial, (0, None, None)))


def assert_distribution(sample: np.ndarray, law: Any) -> None:
    """Every value has its probability, the mean is right, and so is the variance."""
    if law.var() == 0:
        assert (sample == law.mean()).all()
        return
    low, high = int(law.ppf(1e-6)), int(law.ppf(1 - 1e-6))
    if high - low < 2000:
        values = np.arange(low, high + 1)
        observed = np.array([(sample == value).sum() for value in values])
        assert_counts(np.append(observed, sample.size - observed.sum()), sample.size * np.append(law.pmf(values), 2e-6))
    else:
        edges = np.unique(np.round(law.ppf(np.linspace(0.001, 0.999, 200))))
        observed = np.histogram(sample, np.concatenate([[-np.inf], edges + 0.5, [np.inf]]))[0]
        assert_counts(observed, sample.size * np.diff(np.concatenate([[0], law.cdf(edges), [1]])))
    fourth = law.var() ** 2 * (2 + law.stats("k"))
    assert_mean(sample.ravel(), law.mean(), variance=law.var())
    assert_mean((sample.ravel() - law.mean()) ** 2, law.var(), variance=np.nan_to_num(fourth))


@pytest.mark.parametrize("mean", [0.0, 1e-6, 0.1, 1.0, 5.0, 9.99, 10.0, 12.0, 30.0, 300.0, 1e4, 1e6, 1e9])
def test_poisson_counts_follow_the_poisson_law(mean: float) -> None:
    sample = np.asarray(_poisson(keys(1), jnp.full(EACH, mean, jnp.float32)))
    assert_distribution(sample, stats.poisson(float(np.float32(mean))))


@pytest.mark.parametrize(
    ("trials", "probability"),
    [
        *[(0, 0.3), (1, 0.5), (5, 0.3), (19, 0.5), (20, 0.5), (21, 0.5), (100, 0.11), (1000, 0.5), (10**6, 1e-5)],
        *[(10**6, 0.3), (2 * 10**9, 0.5), (10**9, 1e-9), (10**9, 3e-8), (7, 0.0)],
    ],
)
def test_binomial_counts_follow_the_binomial_law(trials: int, probability: float) -> None:
    sample = np.asarray(_binomial(keys(2), jnp.full(EACH, trials, jnp.int32), jnp.float32(probability)))
    assert sample.min() >= 0
    assert sample.max() <= trials
    assert_distribution(sample, stats.binom(trials, float(np.float32(probability))))


def test_poisson_rare_events_keep_their_rate() -> None:
    """P(K ≥ 1) = 1e-4 is seen to a few percent; float32's usual 2^-23 steps would already show at 1e-6."""
    sample = np.asarray(_poisson(keys(3), jnp.full(1000, 1e-4, jnp.float32)))
    assert_mean(sample.ravel(), 1e-4, resolves=0.25)


def test_elements_do_not_depend_on_their_neighbours() -> None:
    """An element gives the same count whether its neighbours need many attempts or none."""
    means = jnp.array([0.5, 50.0, 3.0, 1e6], jnp.float32)
    alone = [np.asarray(_poisson(keys(4), jnp.where(jnp.arange(4) == i, means, 0)))[:, i] for i in range(4)]
    np.testing.assert_array_equal(np.stack(alone, axis=1), np.asarray(_poisson(keys(4), means)))


def test_deviance_is_precise_where_it_cancels() -> None:
    t = np.concatenate([-np.geomspace(1e-6, 0.999, 50), np.geomspace(1e-6, 1e6, 80)])
    exact = (1 + t) * np.log1p(t) - t
    small = np.abs(t) < 1e-3
    exact[small] = t[small] ** 2 / 2 - t[small] ** 3 / 6 + t[small] ** 4 / 12
    np.testing.assert_allclose(np.asarray(variates._deviance(jnp.asarray(t, jnp.float32))), exact, rtol=3e-6)
