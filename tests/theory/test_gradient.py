"""The first step of SGD: exact laws by enumeration, second orders by finite differences, and the engine."""

import itertools

import numpy as np
import pytest

from jaxcollapse import theory
from tests.reference.laws import entropy, softmax, tempered

P0 = np.array([0.5, 0.3, 0.15, 0.05])


@pytest.mark.parametrize(("batch_size", "temperature"), [(1, 0.7), (3, 1.0), (3, 1.4)])
def test_the_law_of_a_step_is_that_of_all_sequences_of_traces(batch_size: int, temperature: float) -> None:
    q, z, rate = tempered(P0, temperature), np.log(P0), 0.8
    sequences = list(itertools.product(range(4), repeat=batch_size))
    chance = np.array([np.prod(q[list(each)]) for each in sequences])
    batch = np.array([np.bincount(each, minlength=4) / batch_size for each in sequences])
    moved = z - rate * (P0 - batch)
    settings = {"learning_rate": rate, "temperature": temperature}
    law = theory.step_law(P0, batch_size=batch_size, **settings)
    np.testing.assert_allclose(law.chance.sum(), 1)
    np.testing.assert_allclose(law.chance @ law.p**2, chance @ softmax(moved) ** 2)
    np.testing.assert_allclose(theory.mean_logit_step(P0, **settings), chance @ (moved - z), atol=1e-15)
    off = moved - chance @ moved
    spread = theory.logit_step_covariance(P0, batch_size=batch_size, **settings)
    np.testing.assert_allclose(spread, (off.T * chance) @ off, atol=1e-15)


def test_second_orders_are_half_the_trace_of_hessian_times_covariance() -> None:
    """Hessians by central differences, of each p_i and of S."""
    z, step = np.log(P0), 1e-3
    spread = theory.logit_step_covariance(P0, learning_rate=0.1, batch_size=5)

    def curvature(value: object, j: int, k: int) -> np.ndarray:
        a, b = step * np.eye(4)[j], step * np.eye(4)[k]
        return (value(z + a + b) - value(z + a - b) - value(z - a + b) + value(z - a - b)) / (4 * step**2)  # type: ignore[operator]

    for value, found in (
        (softmax, theory.mean_probability_step(P0, learning_rate=0.1, batch_size=5)),
        (lambda z: entropy(softmax(z)), theory.mean_entropy_step(P0, learning_rate=0.1, batch_size=5)),
    ):
        expected = sum(spread[j, k] / 2 * curvature(value, j, k) for j in range(4) for k in range(4))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)


def test_what_second_orders_neglect_is_of_third_order_in_steps_and_second_in_batches() -> None:
    """Relative O(η/B): a tenth of η or ten times B leave a tenth of the error."""

    def missed(rate: float, size: int) -> float:
        law = theory.step_law(P0, learning_rate=rate, batch_size=size)
        exact = law.chance @ np.apply_along_axis(entropy, 1, law.p) - entropy(P0)
        return abs(float(theory.mean_entropy_step(P0, learning_rate=rate, batch_size=size)) / exact - 1)

    assert missed(0.01, 2) == pytest.approx(0.1 * missed(0.1, 2), rel=0.3)
    assert missed(0.01, 20) == pytest.approx(0.1 * missed(0.01, 2), rel=0.3)
    assert missed(0.01, 20) < 1e-3


def test_entropy_from_uniform_falls_by_the_known_rate() -> None:
    for tokens in (2, 7):
        found = theory.mean_entropy_step(np.full(tokens, 1 / tokens), learning_rate=0.2, batch_size=4)
        np.testing.assert_allclose(found, -(0.2**2) / 8 * (tokens - 1) / tokens**2)


def test_sign_descent_moves_the_token_that_was_drawn_up_and_all_others_down() -> None:
    q, rate = tempered(P0, 0.8), 0.05
    moves = rate * (2 * np.eye(4) - 1)
    found = theory.mean_sign_step(P0, learning_rate=rate, temperature=0.8)
    np.testing.assert_allclose(found, q @ moves)
    np.testing.assert_allclose(found[0] - found[2], 2 * rate * (q[0] - q[2]))


def test_edges() -> None:
    """No noise in an infinite batch, nothing to do for one token, zeros stay."""
    assert theory.logit_step_covariance(P0, learning_rate=1.0, batch_size=np.inf).max() == 0
    assert theory.mean_entropy_step([1.0], learning_rate=1.0, batch_size=1) == 0
    np.testing.assert_array_equal(theory.mean_sign_step([1.0, 0.0], learning_rate=1.0), [0, 0])
    assert theory.mean_probability_step([0.6, 0.4, 0.0], learning_rate=1.0, batch_size=1)[2] == 0
    assert theory.mean_entropy_step([0.6, 0.4, 0.0], learning_rate=1.0, batch_size=1) < 0
    law = theory.step_law([0.6, 0.4, 0.0], learning_rate=1.0, batch_size=2)
    np.testing.assert_allclose(law.chance.sum(), 1)
    assert law.p[:, 2].max() == 0
    with pytest.raises(
        ValueError, match=r"batch_size: 1000: 167668501 batches of 4 tokens; at most 200000 are allowed"
    ):
        theory.step_law(P0, learning_rate=1.0, batch_size=1000)
