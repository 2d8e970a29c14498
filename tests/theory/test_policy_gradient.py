"""Where rewards and a penalty are in balance, against the iteration that leads there."""

import numpy as np
import pytest

from jaxcollapse import theory


@pytest.mark.parametrize(("correct_mass", "beta"), [(0.3, 2.0), (0.05, 2.0), (0.3, 1.2)])
@pytest.mark.parametrize("eps", [0.0, 1e-4])
def test_the_fixed_point_is_where_the_iteration_ends(correct_mass: float, beta: float, eps: float) -> None:
    p = correct_mass
    for _ in range(2000):
        p = 1 / (1 + (1 - correct_mass) / correct_mass * np.exp(-1 / (beta * np.sqrt(p * (1 - p) + eps))))
    found = theory.verified_fixed_point(correct_mass=correct_mass, reverse_kl=beta, eps=eps)
    assert found == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize(("correct_mass", "beta"), [(0.3, 0.01), (0.5, 1.2), (0.9, 3.0), (1.0, 1.0)])
def test_a_weak_penalty_holds_nothing_back(correct_mass: float, beta: float) -> None:
    """Without ε the pull of whitened rewards grows as fewer answers are wrong, and nothing stops it."""
    assert theory.verified_fixed_point(correct_mass=correct_mass, reverse_kl=beta) == 1


def test_with_a_smallest_variance_there_is_always_a_balance() -> None:
    found = theory.verified_fixed_point(correct_mass=0.9, reverse_kl=0.5, eps=0.05)
    p = 0.9
    for _ in range(200):
        p = 1 / (1 + np.exp(-1 / (0.5 * np.sqrt(p * (1 - p) + 0.05))) / 9)
    assert 0.9 < found < 1
    assert found == pytest.approx(p, abs=1e-9)
