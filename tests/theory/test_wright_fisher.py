"""Drift at temperature 1: moments against every course that refits can take, and against the engine."""

import numpy as np
import pytest

from jaxcollapse import theory
from tests.reference.courses import Course, courses, mean
from tests.reference.laws import entropy, heterozygosity

P0 = np.array([0.6, 0.3, 0.1])
N = 4


def test_moments_are_those_of_all_courses() -> None:
    for g in range(4):
        known = courses(P0, N, g)
        same = {"samples": N, "generations": g}
        np.testing.assert_allclose(theory.mean_probability(P0, generations=g), mean(known, lambda p: p))
        spread = mean(known, lambda p: np.outer(p - P0, p - P0))
        np.testing.assert_allclose(theory.probability_covariance(P0, **same), spread, atol=1e-15)
        np.testing.assert_allclose(theory.mean_heterozygosity(P0, **same), mean(known, heterozygosity))
        np.testing.assert_allclose(theory.mean_entropy(P0, **same), mean(known, entropy))
        divergence = mean(known, lambda p: (p[p > 0] * np.log(p[p > 0] / P0[p > 0])).sum())
        np.testing.assert_allclose(theory.mean_kl_from_initial(P0, **same), divergence, atol=1e-14)


def test_groups_of_tokens_drift_like_tokens() -> None:
    known = courses(P0, N, 3)
    grouped = theory.probability_covariance([0.7, 0.3], samples=N, generations=3)
    np.testing.assert_allclose(grouped[0, 0], mean(known, lambda p: (p[0] + p[2] - 0.7) ** 2))


def test_mixing_real_data_smoothing_and_growth_are_those_of_all_courses() -> None:
    """Also of a p0 that is not uniform, with a token that it does not have."""
    p0 = np.array([0.7, 0.3, 0.0])
    a, m, alpha, samples = 0.6, 0.3, 0.4, 3

    def fit(course: Course, seen: np.ndarray) -> np.ndarray:
        smooth = (samples * seen + alpha * (p0 > 0)) / (samples + 2 * alpha)
        return (1 - a) * course.models[-1] + a * smooth

    for g in range(4):
        known = courses(p0, samples, g, emits=lambda p: (1 - m) * p + m * p0, fit=fit)
        found = theory.mean_heterozygosity(
            p0, samples=samples, generations=g, mixing=a, fresh_fraction=m, smoothing=alpha
        )
        np.testing.assert_allclose(found, mean(known, heterozygosity))

    def partial(course: Course, seen: np.ndarray) -> np.ndarray:
        return (1 - a) * course.models[-1] + a * seen

    known = courses(P0, lambda g: round(2 * (g + 1) ** 0.5), 3, fit=partial)
    found = theory.mean_heterozygosity(P0, samples=2, generations=3, mixing=a, sample_growth=0.5)
    np.testing.assert_allclose(found, mean(known, heterozygosity))


@pytest.mark.parametrize("more", [{"fresh_fraction": 0.2}, {"smoothing": 0.3}, {"fresh_fraction": 0.1, "mixing": 0.5}])
def test_the_stationary_value_is_what_generations_end_at(more: dict[str, float]) -> None:
    found = theory.stationary_heterozygosity(P0, samples=20, **more)
    np.testing.assert_allclose(found, theory.mean_heterozygosity(P0, samples=20, generations=3000, **more))


def test_the_stationary_value_has_its_closed_forms() -> None:
    """Real data alone; smoothing alone, from uniform."""
    samples, m, f0 = 20, 0.15, 1 - heterozygosity(P0)
    kept = (1 - m) ** 2
    fresh = (1 / samples + (1 - 1 / samples) * f0 * (1 - kept)) / (1 - (1 - 1 / samples) * kept)
    np.testing.assert_allclose(1 - theory.stationary_heterozygosity(P0, samples=samples, fresh_fraction=m), fresh)
    pseudo = 0.5 * 4 / (samples + 0.5 * 4)
    kept = (1 - pseudo) ** 2
    smooth = (kept / samples + (1 - kept) / 4) / (1 - kept * (1 - 1 / samples))
    found = theory.stationary_heterozygosity(np.full(4, 0.25), samples=samples, smoothing=0.5)
    np.testing.assert_allclose(1 - found, smooth)


def test_edges() -> None:
    """One token, one sample, infinitely many samples, long times, arrays of generations of any shape."""
    assert theory.mean_heterozygosity([1.0], samples=3, generations=5) == 0
    np.testing.assert_array_equal(theory.mean_heterozygosity([0.5, 0.5], samples=1, generations=[0, 1, 2]), [0.5, 0, 0])
    np.testing.assert_array_equal(
        theory.probability_covariance([0.5, 0.5], samples=1, generations=[0, 1])[:, 0, 0], [0, 0.25]
    )
    assert theory.mean_heterozygosity([0.5, 0.5], samples=np.inf, generations=9) == 0.5
    assert theory.probability_covariance([0.5, 0.5], samples=np.inf, generations=9).max() == 0
    late = theory.mean_heterozygosity([0.5, 0.5], samples=10, generations=5000)
    np.testing.assert_allclose(late, 0.5 * 0.9**5000, rtol=1e-9)
    assert theory.mean_heterozygosity(P0, samples=5, generations=np.zeros((2, 3), int)).shape == (2, 3)
    assert theory.stationary_heterozygosity(P0, samples=5) == 0
    assert theory.stationary_heterozygosity([1.0], samples=5, fresh_fraction=0.2) == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(theory.fixation_probability(P0), P0)
