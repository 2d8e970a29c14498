"""What has died out: the chain of ancestors against every course that refits can take, and against two tokens."""

import time

import numpy as np
import pytest
from scipy import stats

from jaxcollapse import theory
from jaxcollapse.theory.ancestors import ancestor_laws
from tests.reference.counts import outcomes
from tests.reference.courses import courses, mean
from tests.reference.laws import distinct_values, expected_support

P0 = np.array([0.6, 0.3, 0.1])


def test_support_and_extinction_are_those_of_all_courses() -> None:
    for g in range(4):
        known = courses(P0, 4, g)
        same = {"samples": 4, "generations": g}
        np.testing.assert_allclose(theory.mean_support_size(P0, **same), mean(known, np.count_nonzero))
        alone = mean(known, lambda p: float(p.max() == 1))
        np.testing.assert_allclose(theory.collapse_probability(P0, **same), alone)
        lost = mean(known, lambda p: float(p.min() == 0))
        np.testing.assert_allclose(theory.first_extinction_probability(P0, **same), lost, atol=1e-15)


def test_the_support_is_that_of_the_ancestors_matrix() -> None:
    p = np.array([0.5, 0.3, 0.15, 0.05, 0.0])
    found = theory.mean_support_size(p, samples=40, generations=np.arange(1, 31))
    np.testing.assert_allclose(found, expected_support(p, 40, 30))


def test_laws_are_those_of_the_ancestors_matrix() -> None:
    """With 200 samples rows are trimmed: what is left out is below rounding."""
    matrix = np.stack([distinct_values(200, a) for a in range(201)])
    law = np.eye(201)[200]
    for found in ancestor_laws(200, 5):
        np.testing.assert_allclose(found, law[: len(found)], atol=1e-15)
        assert law[len(found) :].sum() < 1e-15
        law = law @ matrix


def test_mean_times_are_sums_of_their_distribution() -> None:
    g = np.arange(1500)
    for distribution, average in (
        (theory.collapse_probability, theory.mean_collapse_time),
        (theory.first_extinction_probability, theory.mean_first_extinction_time),
    ):
        summed = (1 - distribution(P0, samples=25, generations=g)).sum()
        np.testing.assert_allclose(average(P0, samples=25), summed)


@pytest.mark.parametrize("samples", [1, 2, 7, 150])
def test_two_tokens_collapse_as_their_own_chain_says(samples: int) -> None:
    p = np.array([0.2, 0.8])
    np.testing.assert_allclose(
        theory.mean_collapse_time(p, samples=samples), theory.two_token_collapse_time(p, samples=samples)
    )
    law = theory.two_token_law(p, samples=samples, generations=[1, 5])
    np.testing.assert_allclose(
        theory.collapse_probability(p, samples=samples, generations=[1, 5]), law[:, 0] + law[:, -1]
    )


@pytest.mark.parametrize("p0", [[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.25, 0.75], [0.95, 0.05, 0.0]], ids=str)
@pytest.mark.parametrize(("samples", "rest"), [(24, 0), (24, 1), (24, 2)])
def test_the_mean_time_to_a_threshold_is_that_of_all_states(p0: list[float], samples: int, rest: int) -> None:
    """A linear system over every table of counts: to 2ε², relative; exactly of two tokens, and of a token alone."""
    p, epsilon = np.array(p0), rest / samples
    states = outcomes(samples, 3)
    inner = states[states.max(axis=1) < samples - rest]

    def steps(p: np.ndarray) -> np.ndarray:
        return stats.multinomial.pmf(inner, samples, p)

    times = np.linalg.solve(np.eye(len(inner)) - np.array([steps(row / samples) for row in inner]), np.ones(len(inner)))
    expected = 1 + steps(np.pad(p, (0, 3 - len(p)))) @ times if p.max() < 1 - epsilon else 0
    found = theory.mean_collapse_time(p, samples=samples, collapse_threshold=epsilon)
    is_exact = rest == 0 or np.count_nonzero(p) == 2
    np.testing.assert_allclose(found, expected, rtol=1e-9 if is_exact else 2 * epsilon**2)
    if len(p) == 2:
        two = theory.two_token_collapse_time(p, samples=samples, collapse_threshold=epsilon)
        np.testing.assert_allclose(two, expected, rtol=1e-9)


def test_two_hundred_samples_reach_ninety_nine_percent_before_one_token_is_alone() -> None:
    """What `collapse_time` measures by default is 258 generations, where fixation takes 275."""
    p = np.array([0.5, 0.5])
    assert theory.mean_collapse_time(p, samples=200) == pytest.approx(275.0, abs=0.05)
    assert theory.mean_collapse_time(p, samples=200, collapse_threshold=0.01) == pytest.approx(258.1, abs=0.05)


def test_a_hundred_thousand_samples_take_seconds_of_computing() -> None:
    """Without a matrix of N × N, which would take 80 GB."""
    start = time.process_time()
    found = float(theory.mean_collapse_time(P0, samples=100_000))
    assert time.process_time() - start < 30
    limit = float(theory.diffusion_collapse_time(P0, samples=100_000))
    assert 0 < limit - found < np.log(100_000)


def test_edges() -> None:
    assert theory.mean_support_size([1.0], samples=3, generations=9) == pytest.approx(1)
    assert theory.mean_collapse_time([1.0, 0.0], samples=3) == 0
    assert theory.mean_collapse_time([0.5, 0.5], samples=1) == 1
    assert theory.mean_first_extinction_time([1.0], samples=3) == np.inf
    assert theory.mean_first_extinction_time([0.5, 0.5], samples=1) == 1
    np.testing.assert_array_equal(theory.mean_support_size([0.5, 0.5], samples=1, generations=[0, 1]), [2, 1])
    with pytest.raises(ValueError, match=r"samples: 100001: must be a whole number from 1 to 100000"):
        theory.mean_collapse_time(P0, samples=100_001)
    assert theory.mean_collapse_time([0.99, 0.01], samples=200, collapse_threshold=0.01) == 0
    with pytest.raises(ValueError, match=r"samples: 3000: must be a whole number from 1 to 2000"):
        theory.mean_collapse_time(P0, samples=3000, collapse_threshold=0.01)
    with pytest.raises(ValueError, match=r"collapse_threshold: 0\.5: must be a number ≥ 0 and below 0\.5"):
        theory.mean_collapse_time(P0, samples=30, collapse_threshold=0.5)
    with pytest.raises(ValueError, match=r"p0: 21 tokens: must be at most 20 tokens"):
        theory.mean_first_extinction_time(np.full(21, 1 / 21), samples=5)
