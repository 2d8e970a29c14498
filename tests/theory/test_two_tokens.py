"""Two tokens at any temperature: the chain against matrix powers and linear solves, and the engine."""

import numpy as np
import pytest

from jaxcollapse import theory
from tests.reference.courses import courses
from tests.reference.laws import tempered, two_token_chain


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0, 1.3, np.inf])
def test_the_law_is_a_power_of_the_matrix(temperature: float) -> None:
    samples = 12
    start = np.round(0.25 * samples) / samples
    if temperature in (0, np.inf):  # the referee has no such temperatures
        law = theory.two_token_law([start, 1 - start], samples=samples, temperature=temperature, generations=[1, 4])
        won = 0.0 if temperature == 0 else 0.5**samples
        np.testing.assert_allclose(law[0, -1], won, atol=1e-15)
        return
    chain = two_token_chain(samples, temperature)
    row = int(start * samples)
    law = theory.two_token_law([start, 1 - start], samples=samples, temperature=temperature, generations=[1, 4, 9])
    for place, g in enumerate((1, 4, 9)):
        np.testing.assert_allclose(law[place], np.linalg.matrix_power(chain, g)[row], atol=1e-14)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.2])
def test_fixation_and_its_time_solve_the_linear_equations(temperature: float) -> None:
    samples = 25
    chain = two_token_chain(samples, temperature)
    inner = np.eye(samples - 1) - chain[1:-1, 1:-1]
    row = 8
    p = [row / samples, 1 - row / samples]
    same = {"samples": samples, "temperature": temperature}
    won = np.linalg.solve(inner, chain[1:-1, -1])[row - 1]
    np.testing.assert_allclose(theory.two_token_win_probability(p, **same), won)
    time = np.linalg.solve(inner, np.ones(samples - 1))[row - 1]
    np.testing.assert_allclose(theory.two_token_collapse_time(p, **same), time)


def test_the_last_token_is_drawn_from_p0_at_temperature_one() -> None:
    for samples in (1, 2, 300):
        np.testing.assert_allclose(theory.two_token_win_probability([0.3, 0.7], samples=samples), 0.3)


def test_absorption_that_takes_for_ever_keeps_its_digits() -> None:
    """By symmetry a half, where a linear solve has lost all digits; and a time beyond 10²⁰ generations."""
    same = {"samples": 400, "temperature": 1.5}
    np.testing.assert_allclose(theory.two_token_win_probability([0.5, 0.5], **same), 0.5, rtol=1e-10)
    assert theory.two_token_collapse_time([0.5, 0.5], **same) > 1e20


def test_real_data_and_smoothing_are_those_of_all_courses() -> None:
    p0, m, alpha, samples = np.array([0.7, 0.3]), 0.2, 0.5, 4
    known = courses(
        p0,
        samples,
        3,
        emits=lambda p: (1 - m) * tempered(p, 0.8) + m * p0,
        fit=lambda course, seen: (samples * seen + alpha) / (samples + 2 * alpha),
    )
    law = np.zeros(samples + 1)
    for course in known:
        law[round(samples * course.samples[-1][0])] += course.chance
    found = theory.two_token_law(p0, samples=samples, temperature=0.8, generations=3, fresh_fraction=m, smoothing=alpha)
    np.testing.assert_allclose(found, law)


def test_edges() -> None:
    assert theory.two_token_win_probability([0.0, 1.0], samples=5, temperature=0.5) == 0
    assert theory.two_token_collapse_time([0.0, 1.0], samples=5) == 0
    assert theory.two_token_collapse_time([0.5, 0.5], samples=1) == 1
    assert theory.two_token_win_probability([0.5, 0.5], samples=6, temperature=0) == pytest.approx(0.5)
    with pytest.raises(ValueError, match=r"samples: 3000: must be a whole number from 1 to 2000"):
        theory.two_token_win_probability([0.5, 0.5], samples=3000)
    with pytest.raises(ValueError, match=r"p0: \[0\.2, 0\.3, 0\.5\]: must be the probabilities of two tokens"):
        theory.two_token_win_probability([0.2, 0.3, 0.5], samples=3)
    with pytest.raises(ValueError, match="generations: 0: must be whole numbers ≥ 1"):
        theory.two_token_law([0.5, 0.5], samples=3, generations=0)
    with pytest.raises(ValueError, match="is too long for float64"):
        theory.two_token_collapse_time([0.5, 0.5], samples=1100, temperature=np.inf)
