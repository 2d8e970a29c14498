"""Kept samples and a frozen generator, against every course that refits can take."""

import numpy as np
import pytest

from jaxcollapse import theory
from tests.reference.courses import Course, courses, mean
from tests.reference.laws import heterozygosity, tempered

P0 = np.array([0.6, 0.3, 0.1])


@pytest.mark.parametrize("window", [1, 2, 100])
def test_a_window_is_that_of_all_courses_and_everything_kept_is_a_long_one(window: int) -> None:
    def fit(course: Course, seen: np.ndarray) -> np.ndarray:
        return np.mean((*course.samples, seen)[-window:], axis=0)

    for g in range(4):
        expected = mean(courses(P0, 3, g, fit=fit), heterozygosity)
        found = theory.window_heterozygosity(P0, samples=3, window=window, generations=g)
        np.testing.assert_allclose(found, expected)
        if window > g:
            np.testing.assert_allclose(theory.accumulated_heterozygosity(P0, samples=3, generations=g), expected)


@pytest.mark.parametrize("samples", [1, 2, 50])
def test_what_is_left_with_everything_kept_is_the_limit(samples: int) -> None:
    late = theory.accumulated_heterozygosity(P0, samples=samples, generations=100_000)
    np.testing.assert_allclose(theory.accumulated_limit(P0, samples=samples), late, rtol=2e-5)


def test_a_frozen_generator_feeds_nothing_back() -> None:
    known = courses(P0, 3, 2, emits=lambda p: tempered(P0, 0.7))
    np.testing.assert_allclose(
        theory.frozen_heterozygosity(P0, samples=3, temperature=0.7), mean(known, heterozygosity)
    )


def test_infinitely_many_samples_lose_nothing() -> None:
    h = heterozygosity(P0)
    np.testing.assert_allclose(theory.accumulated_heterozygosity(P0, samples=np.inf, generations=9), h)
    np.testing.assert_allclose(theory.window_heterozygosity(P0, samples=np.inf, window=2, generations=9), h)
    np.testing.assert_allclose(theory.accumulated_limit(P0, samples=np.inf), h)
