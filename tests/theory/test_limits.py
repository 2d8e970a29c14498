"""Approximate oracles converge to exact ones as they say, and to solutions by other methods."""

import numpy as np
import pytest
from scipy import integrate

from jaxcollapse import theory
from jaxcollapse.theory import far_out
from tests.reference.laws import tempered
from tests.support.statistics import SIGMAS
from tests.support.sweeps import run, values

P0 = np.array([0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("samples", [300, 1000, 3000])
def test_diffusion_times_are_too_large_by_less_than_half_the_logarithm_of_n(samples: int) -> None:
    for event in ("collapse_time", "first_extinction_time"):
        exact = float(theory.ORACLES[f"mean_{event}"].function(P0, samples=samples))
        limit = float(theory.ORACLES[f"diffusion_{event}"].function(P0, samples=samples))
        assert 0 < limit - exact < np.log(samples) / 2


@pytest.mark.parametrize("samples", [200, 1800])
def test_the_diffusion_reaches_a_threshold_too_soon_by_less_than_the_root_of_n(samples: int) -> None:
    for epsilon in (0.01, 0.1):
        same = {"samples": samples, "collapse_threshold": epsilon}
        missed = float(theory.mean_collapse_time(P0, **same) - theory.diffusion_collapse_time(P0, **same))
        assert 0 < missed < 0.8 * np.sqrt(samples)
    assert theory.diffusion_collapse_time([0.9, 0.1], samples=samples, collapse_threshold=0.2) == 0


def test_diffusion_times_of_two_tokens_are_the_same_formula() -> None:
    p = np.array([0.3, 0.7])
    same = -2 * 50 * (p * np.log(p)).sum()
    np.testing.assert_allclose(theory.diffusion_collapse_time(p, samples=50), same)
    np.testing.assert_allclose(theory.diffusion_first_extinction_time(p, samples=50), same)
    assert theory.diffusion_collapse_time([1.0, 0.0], samples=5) == 0
    assert theory.diffusion_first_extinction_time([1.0], samples=5) == np.inf


@pytest.mark.parametrize("control", [-300.0, -20.0, -0.1, 0.1, 2.0, 20.0])
def test_the_winner_of_the_diffusion_is_the_integral(control: float) -> None:
    temperature = 1 / (1 + control / 1e6)

    def weight(x: float) -> float:
        return float(np.exp(2 * control * (-x * np.log(x) - (1 - x) * np.log1p(-x)))) if 0 < x < 1 else 1.0

    places = [1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999]
    below = integrate.quad(weight, 0, 0.3, points=[p for p in places if p < 0.3], limit=200)[0]
    above = integrate.quad(weight, 0.3, 1, points=[p for p in places if p > 0.3], limit=200)[0]
    found = theory.diffusion_win_probability([0.3, 0.7], samples=1e6, temperature=temperature)
    np.testing.assert_allclose(found, below / (below + above), rtol=1e-6)


def test_the_winner_of_the_diffusion_is_the_chains_up_to_s_and_one_over_n() -> None:
    for samples, temperature in ((50, 0.97), (50, 1.03), (200, 0.99), (800, 0.998)):
        same = {"samples": samples, "temperature": temperature}
        exact = theory.two_token_win_probability([0.3, 0.7], **same)
        limit = theory.diffusion_win_probability([0.3, 0.7], **same)
        assert abs(limit / exact - 1) < abs(1 / temperature - 1) + 1 / samples


def test_the_winner_depends_on_the_control_parameter() -> None:
    cells = [{"samples": 100, "temperature": 1 / 1.02}, {"samples": 400, "temperature": 1 / 1.005}]
    np.testing.assert_allclose([theory.refit_control(**cell) for cell in cells], 2)
    first, second = (float(theory.two_token_win_probability([0.3, 0.7], **cell)) for cell in cells)
    assert first == pytest.approx(second, rel=0.03)
    assert abs(first - float(theory.two_token_win_probability([0.3, 0.7], samples=400, temperature=1 / 1.02))) > 0.05
    cell = {"learning_rate": 0.1, "batch_size": 4, "temperature": 0.8}
    np.testing.assert_allclose(theory.sgd_control(**cell), 10)


def test_a_rare_token_lasts_as_the_ancestors_say() -> None:
    share, samples, g = 2e-4, 10_000, np.arange(1, 30)
    exact = theory.mean_support_size([share, 1 - share], samples=samples, generations=g) - 1
    found = theory.rare_token_survival(share, samples=samples, generations=g)
    assert (np.abs(found / exact - 1) < share + g / samples).all()
    late = theory.rare_token_survival(share, samples=samples, generations=2000)
    np.testing.assert_allclose(late, 1 - np.exp(-2 * samples * share / 2000), rtol=0.01)
    assert theory.rare_token_survival(share, samples=samples, generations=0) == 1


def test_the_winner_of_sgd_is_the_scale_function_of_its_diffusion() -> None:
    """The drift and the variance of log-odds as they are, not for small s: within the error that is stated."""
    temperature, rate, size, start = 0.8, 0.2, 4, np.log(0.6 / 0.4)
    y = np.linspace(-40, 40, 80_001)
    drift = tempered(np.stack([np.exp(y), np.ones_like(y)], axis=1) / (1 + np.exp(y))[:, None], temperature)[:, 0]
    p = 1 / (1 + np.exp(-y))
    pull = np.where(np.abs(y) < 30, size / rate * (drift - p) / np.maximum(drift * (1 - drift), 1e-300), np.sign(y))
    potential = integrate.cumulative_trapezoid(pull, y, initial=0)
    weight = np.exp(-(potential - potential[len(y) // 2]))
    scale = integrate.cumulative_trapezoid(weight, y, initial=0) / np.trapezoid(weight, y)
    found = theory.sgd_win_probability([0.6, 0.4], temperature=temperature, learning_rate=rate, batch_size=size)
    assert abs(found - np.interp(start, y, scale)) < 0.01


@pytest.mark.parametrize("jump", [0.05, 0.4, 1.0, 2.0])
def test_rare_tokens_of_sgd_have_the_moments_of_growth_and_jumps(jump: float) -> None:
    """E x^n = Π_{k ≤ n} [1 − (1 − e^{−kκ})/(kκ)], from d E w^n/dt = n a E w^{n−1} − B (1 − ρ^n) E w^{n−1}."""
    x, below = far_out._distribution(jump)
    assert (np.diff(below) >= -1e-12).all()
    assert below[-1] == pytest.approx(1, abs=1e-12)
    middle = (x[1:] + x[:-1]) / 2
    for n in (1, 2, 3):
        expected = np.prod([1 - (1 - np.exp(-k * jump)) / (k * jump) for k in range(1, n + 1)])
        assert np.diff(below) @ middle**n == pytest.approx(expected, rel=1e-3)


def test_rare_tokens_of_small_steps_have_the_exponential_law() -> None:
    """1 − exp(−B/(2η²εt)) is off by O(η/B): by 9 % for single traces and η = 1, where it is 0.39."""

    def off(rate: float) -> float:
        steps = round(1 / (rate**2 * 1e-4))
        found = theory.far_out_survival(learning_rate=rate, batch_size=1, threshold=1e-4, steps=steps)
        return float(found) / (1 - np.exp(-1 / (2 * rate**2 * 1e-4 * steps))) - 1

    assert off(1.0) == pytest.approx(0.089, abs=0.002)
    assert off(0.1) == pytest.approx(0.0129, abs=0.002)
    assert abs(off(0.011)) < 0.003
    assert abs(off(0.009)) < 0.003
    assert theory.far_out_survival(learning_rate=1.0, batch_size=1, threshold=1e-3, steps=1) == 1


def test_rare_tokens_are_a_little_more_likely_than_far_out() -> None:
    """The odds grow by (1 − p)² of their rate far out: the law is too small, by less than 4ε ln(1/ε)."""
    cells = [(1.0, 4, 0.003), (0.5, 1, 0.003), (2.0, 4, 0.003)]
    for rate, size, threshold in cells:
        growth = size * (2 * rate / size + np.expm1(-2 * rate / size))
        steps = round(1 / (threshold * growth))
        data = run(
            {"initial": values([0.5, 0.5]), "learning_rate": rate, "batch_size": size},
            generations=steps,
            replicates=20_000,
            record={"every": steps},
            observables=["modal_probability"],
        )
        above = 1 - data.modal_probability.values[:, -1] > threshold
        found = float(theory.far_out_survival(learning_rate=rate, batch_size=size, threshold=threshold, steps=steps))
        error = above.std() / np.sqrt(above.size)
        assert -SIGMAS * error < above.mean() - found < SIGMAS * error + 4 * found * threshold * np.log(1 / threshold)
