"""Refit on finitely many samples: drift, fixation and loss, against population genetics' exact results."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.reference.laws import (
    entropy,
    expected_support,
    heterozygosity,
    tempered,
    two_token_chain,
    window_moments,
)
from tests.support.statistics import assert_counts, assert_mean
from tests.support.sweeps import probabilities, run, values

SKEWED = np.array([0.4, 0.25, 0.2, 0.1, 0.04, 0.01])
REFIT: dict[str, Any] = {"update": "refit", "initial": values(SKEWED)}
N = 20


def test_heterozygosity_decays_by_one_over_n() -> None:
    """E H_g = H_0 (1 − 1/N)^g, E p_g = p_0, Var p_g = p_0 (1 − p_0)(1 − (1 − 1/N)^g), E KL(p_g ‖ p0) = S_0 − E S_g."""
    data = run(
        {**REFIT, "samples": N},
        generations=20,
        replicates=60_000,
        record={"every": 10, "logits": True},
        observables=["entropy", "collision_probability", "kl_from_initial", "support_size"],
    )
    p = probabilities(data)
    for index, g in enumerate(data.generation.values):
        decay = (1 - 1 / N) ** g
        assert_mean(p[:, index], SKEWED)
        assert_mean((p[:, index] - SKEWED) ** 2, SKEWED * (1 - SKEWED) * (1 - decay))
        resolves = 0.02 if g else None
        assert_mean(1 - data.collision_probability.values[:, index], heterozygosity(SKEWED) * decay, resolves=resolves)
        kl, s = data.kl_from_initial.values[:, index], data.entropy.values[:, index]
        assert_mean(kl + s, entropy(SKEWED), resolves=resolves)  # E KL(p_g ‖ p0) = S_0 − E S_g
    support = expected_support(SKEWED, N, 20)
    for index, g in enumerate(data.generation.values[1:], start=1):
        assert_mean(data.support_size.values[:, index], support[g - 1], resolves=0.02)


def test_tokens_fix_with_their_initial_probability_and_groups_do_too() -> None:
    data = run({**REFIT, "samples": 5}, generations=100, replicates=20_000, record={"every": 100, "logits": True})
    last = probabilities(data)[:, -1]
    assert (last.max(axis=1) == 1).all()
    assert_counts(last.sum(axis=0), len(last) * SKEWED)
    assert_mean(last[:, [0, 3, 5]].sum(axis=1), SKEWED[[0, 3, 5]].sum())


@pytest.mark.parametrize("temperature", [0.8, 1.0, 1.25])
def test_two_tokens_follow_the_exact_chain(temperature: float) -> None:
    """Law after 12 generations, fixation probabilities and mean collapse time, for any T."""
    generations = 600
    data = run(
        {"update": "refit", "initial": values([0.35, 0.65]), "samples": N, "temperature": temperature},
        generations=generations,
        replicates=20_000,
        record={"every": 12, "logits": True},
        observables=["collapse_time"],
    )
    chain = two_token_chain(N, temperature)
    law = stats.binom.pmf(np.arange(N + 1), N, tempered(np.array([0.35, 0.65]), temperature)[0])
    early = law @ np.linalg.matrix_power(chain, 11)
    counts = np.round(probabilities(data)[:, :, 0] * N).astype(int)
    assert_counts(np.bincount(counts[:, 1], minlength=N + 1), 20_000 * early)

    inner = np.linalg.inv(np.eye(N - 1) - chain[1:-1, 1:-1])
    won = (law @ np.linalg.matrix_power(chain, generations - 1))[-1]
    mean_time = 1 + law[1:-1] @ inner @ np.ones(N - 1)
    assert_mean(counts[:, -1] == N, won, resolves=0.1)
    times = data.collapse_time.values
    lasting = (law @ np.linalg.matrix_power(chain, generations - 1))[1:-1].sum()
    assert_mean(np.isnan(times), lasting, variance=lasting * (1 - lasting))
    if lasting < 1e-6:
        assert_mean(times, mean_time, resolves=0.05)


def test_collapse_takes_about_as_long_as_diffusion_says() -> None:
    """Mean collapse time ≈ −2N Σ (1 − p_i) ln(1 − p_i), up to terms of order 1/N."""
    samples = 60
    data = run(
        {**REFIT, "samples": samples},
        generations=3000,
        replicates=5000,
        observables=["collapse_time"],
        collapse_threshold=1e-3,
    )
    expected = -2 * samples * ((1 - SKEWED) * np.log1p(-SKEWED)).sum()
    assert float(data.collapse_time.mean()) == pytest.approx(expected, rel=0.04)


def test_the_first_extinction_and_the_half_life_are_first_times() -> None:
    """Events are watched at every generation, and agree with a record of every generation."""
    data = run(
        {**REFIT, "samples": 200},
        generations=60,
        replicates=300,
        record={"every": 1},
        observables=["collision_probability", "modal_probability", "support_size", "events"],
    )
    conditions = {
        "collapse_time": data.modal_probability.values >= 0.99,
        "first_extinction_time": data.support_size.values < 6,
        "half_life": 1 - data.collision_probability.values <= 0.5 * heterozygosity(SKEWED),
    }
    for name, holds in conditions.items():
        first = np.where(holds.any(axis=1), holds.argmax(axis=1), np.nan)
        np.testing.assert_array_equal(data[name].values, first, err_msg=name)
    sparse = run(
        {**REFIT, "samples": 200}, generations=60, replicates=300, record={"every": 60}, observables=["events"]
    )
    for name in conditions:
        np.testing.assert_array_equal(data[name], sparse[name])


def test_extinct_tokens_never_come_back_and_absorption_is_for_ever() -> None:
    data = run(
        {**REFIT, "samples": 10, "temperature": 1.5},
        generations=50,
        replicates=500,
        record={"every": 1, "logits": True},
    )
    alive = np.isfinite(data.logits.values)
    assert (alive[:, 1:] <= alive[:, :-1]).all()
    assert (alive.sum(axis=-1) >= 1).all()


def test_partial_refit_drifts_with_a_squared() -> None:
    """E H_g = H_0 (1 − a²/N)^g."""
    data = run(
        {**REFIT, "samples": N},
        {"mixing": [0.2, 0.5, 1.0]},
        generations=16,
        replicates=30_000,
        record={"every": 8},
        observables=["collision_probability"],
    )
    for a in data.mixing.values:
        h = 1 - data.collision_probability.sel(mixing=a).values
        for index, g in enumerate(data.generation.values):
            expected = heterozygosity(SKEWED) * (1 - a**2 / N) ** g
            assert_mean(h[:, index], expected, resolves=0.02 if g else None)


def test_accumulating_stops_the_drift() -> None:
    """E H_g = H_0 Π_{s ≤ g} (1 − 1/(N s²)) → H_0 sin(π/√N) / (π/√N)."""
    samples, generations = 5, 200
    data = run(
        {**REFIT, "samples": samples, "corpus": "accumulate"},
        generations=generations,
        replicates=20_000,
        record={"every": 20},
        observables=["collision_probability"],
    )
    factors = np.cumprod(1 - 1 / (samples * np.arange(1, generations + 1) ** 2.0))
    h = 1 - data.collision_probability.values
    for index, g in enumerate(data.generation.values[1:], start=1):
        assert_mean(h[:, index], heterozygosity(SKEWED) * factors[g - 1], resolves=0.02)
    limit = np.sinc(1 / np.sqrt(samples))
    assert float(h[:, -1].mean()) == pytest.approx(heterozygosity(SKEWED) * limit, rel=0.02)


@pytest.mark.parametrize("window", [1, 2, 5])
def test_a_window_drifts_as_its_moments_say(window: int) -> None:
    data = run(
        {**REFIT, "samples": N, "corpus": "window", "window": window},
        generations=15,
        replicates=40_000,
        record={"every": 5},
        observables=["collision_probability"],
    )
    expected = window_moments(SKEWED, N, window, 15)
    h = 1 - data.collision_probability.values
    for index, g in enumerate(data.generation.values):
        assert_mean(h[:, index], expected[g], resolves=0.02 if g else None)


def test_fresh_data_hold_the_diversity_up() -> None:
    """E F → [1/N + (1 − 1/N) F_0 (1 − (1 − m)²)] / [1 − (1 − 1/N)(1 − m)²], from p0 = π."""
    data = run(
        {**REFIT, "samples": N},
        {"fresh_fraction": [0.05, 0.2, 0.6]},
        generations=150,
        replicates=20_000,
        record={"every": 150},
        observables=["collision_probability"],
    )
    f0 = 1 - heterozygosity(SKEWED)
    for m in data.fresh_fraction.values:
        kept = (1 - m) ** 2
        limit = (1 / N + (1 - 1 / N) * f0 * (1 - kept)) / (1 - (1 - 1 / N) * kept)
        assert_mean(data.collision_probability.sel(fresh_fraction=m).values[:, -1], limit, resolves=0.02)


def test_many_samples_do_not_drift_and_few_do_at_once() -> None:
    """N = 2e9 is all but infinite; N = 1 collapses in one generation onto a token drawn from p0."""
    data = run(
        {**REFIT}, {"samples": [1, 2_000_000_000]}, generations=1, replicates=5000, record={"every": 1, "logits": True}
    )
    p = probabilities(data)[:, :, -1]
    assert_counts(p[0].sum(axis=0), 5000 * SKEWED)
    np.testing.assert_allclose(p[1], np.broadcast_to(SKEWED, p[1].shape), rtol=2e-2)
    assert_mean((p[1] - SKEWED) * np.sqrt(2e9), np.zeros(6))


def test_selection_has_its_control_parameter() -> None:
    """Two tokens, T near 1: P(one with p wins) = ∫_0^p e^{2Ns S} / ∫_0^1 e^{2Ns S}, S binary entropy, s = 1/T − 1."""
    samples, start = 50, 0.3
    data = run(
        {"update": "refit", "initial": values([start, 1 - start]), "samples": samples},
        {"temperature": [0.97, 1.03]},
        generations=1500,
        replicates=8000,
        record={"every": 1500, "logits": True},
        observables=["collapse_time"],
    )
    won = probabilities(data)[:, :, -1, 0]
    x = (np.arange(20_000) + 0.5) / 20_000
    binary = -x * np.log(x) - (1 - x) * np.log1p(-x)
    for index, temperature in enumerate(data.temperature.values):
        density = np.exp(2 * samples * (1 / temperature - 1) * binary)
        assert set(np.unique(won[index])) == {0.0, 1.0}
        assert_mean(won[index], density[x < start].sum() / density.sum(), resolves=0.15)
