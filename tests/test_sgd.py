"""Gradient steps on small batches: what a corpus is drawn from, precision, overflow, and what comes back."""

from typing import Any

import jax
import numpy as np
import pytest

from tests.reference.laws import entropy, softmax
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

INF = float("inf")
SKEWED = np.array([0.4, 0.25, 0.2, 0.1, 0.04, 0.01])
Z0 = np.log(SKEWED)
SGD: dict[str, Any] = {"initial": values(SKEWED), "optimizer": "sgd"}


def test_forgetting_is_recurrent_under_sgd() -> None:
    """A token that fell below any threshold can come back: at T = 1 nothing is absorbing."""
    data = run(
        {"initial": values([0.5, 0.5]), "learning_rate": 2.0, "batch_size": 1},
        generations=3000,
        replicates=100,
        record={"every": 10, "logits": True},
    )
    p = probabilities(data).min(axis=-1)
    fell = np.cumsum(p < 0.01, axis=1) > 0
    assert ((p > 0.2) & fell).any(axis=1).mean() > 0.05


@pytest.mark.optimised
def test_one_pass_over_fresh_data_is_independent_minibatches() -> None:
    """K minibatches of a corpus of N = BK samples: the same law whether the corpus is stored or not."""
    common = {**SGD, "learning_rate": 0.7, "batch_size": 3, "steps": 4}
    settings = {"generations": 2, "replicates": 20_000, "record": {"every": 1, "logits": True}}
    fresh = run(common, **settings).logits.values[:, -1].astype(float)
    stored = run({**common, "samples": 12, "corpus": "window", "window": 1}, **settings).logits.values[:, -1]
    difference = fresh - stored
    assert_mean(difference, np.zeros(6))
    assert_mean(fresh**2 - stored.astype(float) ** 2, np.zeros(6))


@pytest.mark.optimised
def test_an_accumulated_corpus_is_drawn_from_without_replacement() -> None:
    """Minibatches of half of all data so far, at tiny steps: mean as the corpus, variance hypergeometric."""
    samples, rate = 8, 1e-3
    data = run(
        {**SGD, "samples": samples, "learning_rate": rate, "batch_size": 4, "corpus": "accumulate"},
        {"replacement": [False, True]},
        generations=3,
        replicates=40_000,
        record={"every": 1, "logits": True},
        common_random_numbers=["replacement"],
    )
    z = data.logits.values.astype(float)
    frequency = SKEWED + (z[:, :, 3] - z[:, :, 2]) / rate
    p, total = SKEWED, 3 * samples
    # A draw of 4 of the 24: marginally binomial whether replaced or not; replaced draws collide within the corpus.
    binomial = p * (1 - p) / 4
    assert_mean((frequency[0] - p) ** 2, binomial + 0 * p)
    inflated = p * (1 - p) * (1 / 4 + (1 - 1 / 4) / total)
    assert_mean((frequency[1] - p) ** 2, inflated)


def test_double_precision_follows_the_same_samples() -> None:
    common = {**SGD, "learning_rate": 0.3, "batch_size": 2, "temperature": 0.9}
    settings = {"generations": 30, "replicates": 50, "record": {"every": 30, "logits": True}}
    single = run(common, **settings)
    double = run(common, precision="float64", **settings)
    assert double.logits.dtype == np.float64
    assert double.entropy.dtype == np.float64
    np.testing.assert_allclose(single.logits, double.logits, atol=1e-4)
    assert not jax.config.jax_enable_x64


def test_overflow_is_marked_and_stays_with_its_trajectory() -> None:
    data = run(
        {"initial": values(SKEWED), "batch_size": 1, "optimizer": "momentum"},
        {"learning_rate": [0.1, 3e38]},
        generations=20,
        replicates=8,
        record={"every": 20},
    )
    assert (data.status.sel(learning_rate=0.1) == 1).all()
    assert (data.status.sel(learning_rate=3e38) == 2).all()
    assert np.isfinite(data.entropy.sel(learning_rate=0.1)).all()
    assert data.entropy.sel(learning_rate=0.1).values[0, 0] == pytest.approx(entropy(SKEWED), rel=1e-5)


def test_learning_rate_zero_changes_nothing() -> None:
    data = run(
        {**SGD, "batch_size": 1, "learning_rate": 0.0}, generations=5, replicates=4, record={"every": 1, "logits": True}
    )
    z = data.logits.values
    np.testing.assert_array_equal(z, np.broadcast_to(z[:, :1], z.shape))


def test_an_infinite_corpus_gives_independent_minibatches() -> None:
    """N = ∞ kept over generations, B = 2: the batch follows the mean of the generations' distributions."""
    data = run(
        {**SGD, "samples": INF, "corpus": "accumulate", "batch_size": 2, "temperature": 0.6, "learning_rate": 1e-3},
        generations=1,
        replicates=30_000,
        record={"every": 1, "logits": True},
    )
    z = data.logits.values.astype(float)
    assert_mean(SKEWED + (z[:, 1] - z[:, 0]) / 1e-3, softmax(Z0 / 0.6))
