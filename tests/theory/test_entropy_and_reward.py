"""Entropy against reward: the closed form of equal answers, and which rows are near the exponential law."""

import numpy as np
import pytest

from jaxcollapse import theory
from jaxcollapse.errors import InputError

CRITICAL = np.exp(np.sqrt(8)) / (1 + np.sqrt(2)) ** 2  # wrong answers for each right one


def equal(right: int, wrong: int, wrong_mass: float) -> tuple[np.ndarray, np.ndarray]:
    """A row of equal right and equal wrong answers, and which are right."""
    p0 = np.repeat([(1 - wrong_mass) / right, wrong_mass / wrong], [right, wrong])
    return p0, np.repeat([1, 0], [right, wrong])


def off(right: int, wrong: int, begin: float, end: float) -> float:
    """The largest deviation from the law, as a share of the reward that is gained."""
    p0, correct = equal(right, wrong, begin)
    law = theory.entropy_law(p0, correct=correct, wrong_mass=np.linspace(begin, end, 50))
    return law.deviation / (begin - end)


@pytest.mark.parametrize(("right", "wrong"), [(1, 1), (1, 7), (3, 9), (20, 4)])
def test_equal_answers_have_a_closed_form(right: int, wrong: int) -> None:
    p0, correct = equal(right, wrong, 0.7)
    w = np.array([[0.7, 0.4], [0.1, 1e-4]])
    binary = -w * np.log(w) - (1 - w) * np.log(1 - w)
    told = binary + (1 - w) * np.log(right) + w * np.log(wrong)
    np.testing.assert_allclose(theory.entropy_at(p0, correct=correct, wrong_mass=w), told, atol=1e-6)


def _curvature(ratio: float, w: np.ndarray) -> np.ndarray:
    """Of e^S over the wrong mass, divided by e^S."""
    found: np.ndarray = np.log((1 - w) * ratio / w) ** 2 - 1 / (w * (1 - w))
    return found


def test_the_curvature_is_that_of_the_formula() -> None:
    p0, correct = equal(2, 9, 0.6)
    w, step = np.array([0.5, 0.3, 0.1]), 1e-2
    around = np.stack([w - step, w, w + step])
    before, here, after = np.exp(theory.entropy_at(p0, correct=correct, wrong_mass=around))
    second = (before - 2 * here + after) / step**2 / here
    np.testing.assert_allclose(second, _curvature(4.5, w), rtol=0.03)


def test_the_curvature_has_a_double_zero_at_the_critical_ratio() -> None:
    w = np.linspace(0.001, 0.999, 9999)
    assert _curvature(CRITICAL, np.array((2 - np.sqrt(2)) / 4)) == pytest.approx(0, abs=1e-12)
    for ratio in (CRITICAL, 1.0, 1 / CRITICAL):
        assert _curvature(ratio, w).max() < 1e-9
    for ratio in (1.01 * CRITICAL, 0.99 / CRITICAL):
        assert _curvature(ratio, w).max() > 0


def test_three_wrong_answers_for_each_right_one_are_nearest_to_the_law() -> None:
    """0.3 % of the reward gained; twenty times as much with one wrong answer or fifteen."""
    found = {wrong: off(1, wrong, 0.3, 0.03) for wrong in (1, 2, 3, 4, 15, 1000)}
    assert min(found, key=found.__getitem__) == 3
    assert found[3] < 0.005
    assert found[1] > 0.05
    assert found[15] > 0.05
    assert found[1000] > 0.15


def test_only_the_ratio_of_equal_answers_counts() -> None:
    assert off(8, 24, 0.5, 0.1) == pytest.approx(off(1, 3, 0.5, 0.1), rel=1e-4)


def test_with_many_wrong_answers_the_reward_is_rather_linear_in_the_entropy_itself() -> None:
    p0, correct = equal(1, 1000, 0.5)
    w = np.linspace(0.5, 0.05, 50)
    entropy = theory.entropy_at(p0, correct=correct, wrong_mass=w)
    linear = np.abs(np.polyval(np.polyfit(entropy, 1 - w, 1), entropy) - (1 - w)).max()
    assert linear < theory.entropy_law(p0, correct=correct, wrong_mass=w).deviation / 4


def test_reward_and_entropy_grow_together_where_a_wrong_answer_is_likelier_than_in_a_uniform_row() -> None:
    p0, correct = equal(3, 1, 0.7)
    assert theory.entropy_law(p0, correct=correct, wrong_mass=[0.7, 0.6, 0.5]).a < 0


def test_a_line_needs_three_points() -> None:
    p0, correct = equal(1, 3, 0.5)
    with pytest.raises(InputError, match=r"wrong_mass: .*: must be at least three different numbers"):
        theory.entropy_law(p0, correct=correct, wrong_mass=[0.5, 0.4, 0.4])
