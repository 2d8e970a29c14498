"""Gradient steps on single traces and small batches: martingales, noise, selection."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from tests.reference.laws import entropy, one_sgd_step, softmax
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

INF = float("inf")
SKEWED = np.array([0.4, 0.25, 0.2, 0.1, 0.04, 0.01])
Z0 = np.log(SKEWED)
SGD: dict[str, Any] = {"initial": values(SKEWED), "optimizer": "sgd"}


@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_logits_are_a_martingale_with_the_multinomial_covariance(batch_size: int) -> None:
    """E z_g = z_0 and Σ z_g = Σ z_0 at T = 1; one step has the covariance η² (diag p − p pᵀ)/B."""
    rate = 0.5
    data = run(
        {**SGD, "learning_rate": rate, "batch_size": batch_size},
        generations=20,
        replicates=30_000,
        record={"every": 1, "logits": True},
    )
    z = data.logits.values.astype(float)
    np.testing.assert_allclose(z.sum(axis=-1), Z0.sum(), rtol=1e-5)
    for g in (1, 5, 20):
        assert_mean(z[:, g], Z0)
    step = z[:, 1] - Z0
    covariance = rate**2 * (np.diag(SKEWED) - np.outer(SKEWED, SKEWED)) / batch_size
    assert_mean(step[:, :, None] * step[:, None, :], covariance)
    assert_mean(step[:, 0] ** 2, covariance[0, 0], resolves=0.05)


def test_one_step_has_exactly_the_outcomes_of_its_definition() -> None:
    """B = 1 at T = 0.7: z − η (p − e_i) with probability τ_T(p)_i."""
    data = run(
        {**SGD, "learning_rate": 0.8, "batch_size": 1, "temperature": 0.7},
        generations=1,
        replicates=20_000,
        record={"every": 1, "logits": True},
    )
    chance, outcomes = one_sgd_step(Z0, 0.8, 0.7)
    z = data.logits.values[:, 1].astype(float)
    distance = np.abs(z[:, None, :] - outcomes).max(axis=-1)
    assert (distance.min(axis=1) < 1e-5).all()
    which = distance.argmin(axis=1)
    assert_mean(which[:, None] == np.arange(6), chance)


def test_probabilities_drift_as_the_second_order_says() -> None:
    """E Δp_i = (η²/2B) p_i [p_i (1 + 2F) − 3p_i² + 3G − 2F² − F], with F = Σp², G = Σp³."""
    for rate in (0.05, 0.01):
        chance, outcomes = one_sgd_step(Z0, rate)
        exact = chance @ softmax(outcomes) - SKEWED
        f, g = (SKEWED**2).sum(), (SKEWED**3).sum()
        formula = rate**2 / 2 * SKEWED * (SKEWED * (1 + 2 * f) - 3 * SKEWED**2 + 3 * g - 2 * f**2 - f)
        np.testing.assert_allclose(exact, formula, atol=0.2 * rate**3)
    rate = 0.5
    chance, outcomes = one_sgd_step(Z0, rate)
    data = run(
        {**SGD, "learning_rate": rate, "batch_size": 1},
        generations=1,
        replicates=50_000,
        record={"every": 1, "logits": True},
    )
    assert_mean(probabilities(data)[:, 1], chance @ softmax(outcomes))


@pytest.mark.optimised
def test_entropy_is_lost_from_uniform_at_the_rate_of_small_steps() -> None:
    """E S falls by (η²/2B)(V − 1)/V² a step; the sample must see 4 % of that."""
    vocab_size, rate, generations = 16, 0.02, 10
    data = run(
        {"initial": {"kind": "uniform"}, "vocab_size": vocab_size, "learning_rate": rate},
        {"batch_size": [1, 4]},
        generations=generations,
        replicates=60_000,
        record={"every": generations},
        precision="float64",
    )
    for size in (1, 4):
        loss = np.log(vocab_size) - data.entropy.sel(batch_size=size).values[:, -1]
        expected = generations * rate**2 / (2 * size) * (vocab_size - 1) / vocab_size**2
        error = loss.std(ddof=1) / np.sqrt(len(loss))
        assert error < 0.01 * expected
        # Steps are not infinitely small: the next order is of relative size η.
        assert abs(loss.mean() - expected) < 4 * error + 0.02 * expected


def test_sign_descent_is_not_neutral_at_temperature_one() -> None:
    """sign-SGD, B = 1: E Δ(z_i − z_j) = 2η (p_i − p_j); adam with fresh moments does the same at its first step."""
    rate = 0.05
    common = {"initial": values(SKEWED), "learning_rate": rate, "batch_size": 1}
    settings = {"generations": 1, "replicates": 40_000, "record": {"every": 1, "logits": True}}
    for process in (
        {"optimizer": "sign_sgd"},
        {"optimizer": "adam", "optimizer_state": "fresh", "eps": 1e-12},
    ):
        z = run({**common, **process}, **settings).logits.values.astype(float)
        change = z[:, 1] - z[:, 0]
        for i, j in ((0, 1), (0, 5), (2, 4)):
            assert_mean(change[:, i] - change[:, j], 2 * rate * (SKEWED[i] - SKEWED[j]))


def test_the_original_mode_wins_with_the_probability_of_the_control_parameter() -> None:
    """Two tokens, small s = 1/T − 1: P(original mode wins) ≈ Φ(|y0| √(Bs/η))."""
    temperature, rate = 0.95, 0.1
    odds = np.log(0.6 / 0.4)
    data = run(
        {"initial": values([0.6, 0.4]), "temperature": temperature, "learning_rate": rate},
        {"batch_size": [1, 4]},
        generations=4000,
        replicates=8000,
        record={"every": 4000},
        observables=["mode_is_original"],
    )
    for size in (1, 4):
        expected = stats.norm.cdf(odds * np.sqrt(size * (1 / temperature - 1) / rate))
        won = data.mode_is_original.sel(batch_size=size).values[:, -1]
        assert won.mean() == pytest.approx(expected, abs=0.03)


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


def test_rare_tokens_survive_as_the_far_tail_law_says() -> None:
    """Two tokens far out: P(p_min > ε at step t) ≈ 1 − exp(−B / (2η² ε t))."""
    rate, steps, epsilon = 1.0, 4000, 0.003
    data = run(
        {"initial": values([0.5, 0.5]), "learning_rate": rate, "batch_size": 1},
        generations=steps,
        replicates=10_000,
        record={"every": steps},
        observables=["modal_probability"],
    )
    above = 1 - data.modal_probability.values[:, -1] > epsilon
    assert above.mean() == pytest.approx(1 - np.exp(-1 / (2 * rate**2 * epsilon * steps)), rel=0.15)


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


def test_an_epoch_without_replacement_sees_every_sample_once() -> None:
    """With tiny steps only the total counts: two epochs of minibatches equal as many full-batch steps."""
    common = {**SGD, "samples": 24, "learning_rate": 1e-3}
    settings: dict[str, Any] = {
        "generations": 1,
        "replicates": 200,
        "record": {"every": 1, "logits": True},
        "common_random_numbers": ["batch_size", "steps", "replacement"],
    }
    axes = {"pair": {"zip": {"batch_size": [4, 8, 24], "steps": [12, 6, 2]}}}
    change = np.diff(run(common, axes, **settings).logits.values.astype(float), axis=2)[:, :, 0]
    scaled = change / np.array([12, 6, 2])[:, None, None]
    np.testing.assert_allclose(scaled[0], scaled[2], atol=3e-6)
    np.testing.assert_allclose(scaled[1], scaled[2], atol=3e-6)
    repeated = run({**common, "batch_size": 4, "steps": 12, "replacement": True}, **settings)
    change = np.diff(repeated.logits.values.astype(float), axis=1)[:, 0] / 12
    assert np.abs(change - scaled[2]).max() > 3e-5


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


def test_momentum_carries_noise_over_generations() -> None:
    """Heavy ball, B = 1, T = 1: after two generations E (z_2 − z_0)² is that of two steps with weights 1 + μ and 1."""
    rate, mu = 1e-3, 0.9
    common = {
        "initial": values(SKEWED),
        "optimizer": "momentum",
        "momentum": mu,
        "learning_rate": rate,
        "batch_size": 1,
    }
    settings = {"generations": 2, "replicates": 40_000, "record": {"every": 1, "logits": True}}
    for state, weight in (("carried", (1 + mu) ** 2 + 1), ("fresh", 2.0)):
        z = run({**common, "optimizer_state": state}, **settings).logits.values.astype(float)
        assert_mean(((z[:, 2] - z[:, 0]) / rate) ** 2, weight * SKEWED * (1 - SKEWED))


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
