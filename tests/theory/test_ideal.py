"""Infinitely many samples: the engine agrees to rounding, and closed forms are what their recursion gives."""

import numpy as np
import pytest

from jaxcollapse import theory
from tests.reference.laws import softmax, tempered

P0 = np.array([0.5, 0.3, 0.2, 0.0])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_a_refit_is_tempered_once_in_each_generation(temperature: float) -> None:
    p = P0
    for g in range(5):
        np.testing.assert_allclose(theory.tempered_refit(P0, temperature=temperature, generations=g), p, atol=1e-15)
        same = theory.ideal_refit(P0, temperature=temperature, generations=g)
        np.testing.assert_allclose(same, p, atol=1e-15)
        p = tempered(p, temperature)


def test_sampling_at_the_inverse_of_the_effective_temperature_brings_the_original_back() -> None:
    reached = theory.effective_temperature(temperature=0.8, generations=6)
    model = theory.tempered_refit(P0, temperature=0.8, generations=6)
    np.testing.assert_allclose(tempered(model, float(1 / reached)), P0, atol=1e-12)


def test_descent_to_convergence_is_a_refit_and_a_few_steps_are_not() -> None:
    settings = {"temperature": 0.8, "generations": 2}
    fitted = theory.tempered_refit(P0, **settings)
    np.testing.assert_allclose(theory.ideal_descent(P0, learning_rate=1.0, steps=500, **settings), fitted, atol=1e-10)
    moved = theory.ideal_descent(P0[:3], learning_rate=0.1, temperature=0.8, generations=40)
    log_odds, original = np.log(moved), np.log(P0[:3])
    stretch = (log_odds[:2] - log_odds[2]) / (original[:2] - original[2])
    assert abs(stretch[0] - stretch[1]) > 0.02


def test_one_step_of_descent_is_the_gradient_of_the_cross_entropy() -> None:
    z, target, step = np.log(P0[:3]), tempered(P0[:3], 0.7), 1e-6

    def loss(z: np.ndarray) -> float:
        return float(-(target * np.log(softmax(z))).sum())

    slope = np.array([(loss(z + step * unit) - loss(z - step * unit)) / (2 * step) for unit in np.eye(3)])
    found = theory.ideal_descent(P0[:3], learning_rate=0.4, temperature=0.7, generations=1)
    np.testing.assert_allclose(found, softmax(z - 0.4 * slope), rtol=1e-8)


def test_ends_of_the_temperature() -> None:
    """T = 0 is the argmax, ties share; T = ∞ is uniform over what is there; T = 1 changes nothing."""
    tied = [0.4, 0.4, 0.2, 0.0]
    np.testing.assert_array_equal(theory.tempered_refit(tied, temperature=0, generations=1), [0.5, 0.5, 0, 0])
    flat = theory.tempered_refit(tied, temperature=np.inf, generations=1)
    np.testing.assert_allclose(flat, [1 / 3, 1 / 3, 1 / 3, 0])
    np.testing.assert_allclose(theory.tempered_refit(tied, temperature=0.0, generations=0), tied)
    np.testing.assert_allclose(theory.tempered_refit(tied, temperature=1.0, generations=[3, 9])[1], tied)
    np.testing.assert_array_equal(theory.tempered_refit([1.0], temperature=0.3, generations=2), [1.0])
    assert theory.effective_temperature(temperature=2.0, generations=2000) == np.inf
