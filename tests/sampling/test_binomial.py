"""Binomial counts against SciPy's probabilities, in JAX and in native code: the law as such, and samples."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from jaxcollapse.sampling import binomial as module
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.binomial import SWITCH
from tests.sampling.exact_law import RANKS, SAMPLERS, counts_at, counts_at_words, halves, law, uses_normal_scores
from tests.support.statistics import assert_counts, assert_mean

PROBABILITIES = (0.5, 0.4, 0.3, 0.1, 0.01, 1e-4, 1e-7)
LARGEST = 2**31 - 1
ROUNDING = 2.0**-24  # float32's

each_way = pytest.mark.parametrize("how", SAMPLERS)


def odds_of(probability: float) -> float:
    """p/(1 − p) as float32."""
    return float(np.float32(probability / (1 - probability)))


def trials_of_mean(mean: float, probability: float) -> int:
    """The fewest trials whose mean is `mean` or more, to a sampler that switches there, too."""
    odds = odds_of(probability)
    trials = int(np.ceil(mean * (1 + odds) / odds))
    return trials + int(mean == SWITCH and not uses_normal_scores(trials, odds))


def means_and_probabilities(*means: float) -> list[tuple[float, float]]:
    """All pairs that need no more than 2³¹ trials."""
    return [(mean, p) for mean in means for p in PROBABILITIES if trials_of_mean(mean, p) <= LARGEST]


def approximation(mean: float) -> float:
    """What the closed form's total variation stays below in exact arithmetic, as measured."""
    return 3.4e-6 * (SWITCH / mean) ** 1.5 + 4e-7


# The law, without a sample.


@pytest.mark.parametrize(("mean", "probability"), means_and_probabilities(12, 12.5, 14, 20, 30, 100, 1e3))
def test_normal_scores_alone_are_right_to_3e_6_at_a_mean_of_12_and_better_beyond(
    mean: float, probability: float
) -> None:
    with jax.enable_x64(True):
        found = law(trials_of_mean(mean, probability), odds_of(probability), "jax", np.float64)
    assert found.total_variation < approximation(mean)
    assert found.kolmogorov < 0.7 * approximation(mean)


@each_way
@pytest.mark.parametrize(
    ("mean", "probability"), means_and_probabilities(12, 12.5, 14, 20, 100, 300, 1e3, 1e4, 1e6, 3e7)
)
def test_in_float32_normal_scores_lose_its_rounding_and_no_more(mean: float, probability: float, how: str) -> None:
    """A normal deviate of 24 bits tells counts apart to that part of a standard deviation."""
    deviation = np.sqrt(mean * (1 - probability))
    found = law(trials_of_mean(mean, probability), odds_of(probability), how)
    assert found.total_variation < approximation(mean) + 1.2 * deviation * ROUNDING
    assert found.kolmogorov < 0.7 * approximation(mean) + mean / deviation * ROUNDING  # the mean itself is rounded


@each_way
@pytest.mark.parametrize("probability", PROBABILITIES)
@pytest.mark.parametrize("mean", [11.999, 8.0, 5.01, 5.0, 2.0, 0.71, 0.7, 0.1, 1e-3, 1e-6])
def test_small_means_are_right_to_float32(mean: float, probability: float, how: str) -> None:
    trials = int(mean / probability)
    found = law(max(trials, 1), odds_of(probability if trials else mean), how)
    assert found.total_variation < 4 * mean * ROUNDING


def test_rare_events_keep_their_rate_however_rare() -> None:
    """P(K ≥ 1) from 1 down to 1e-30, with up to 2³¹ trials: the largest uniform number that still gives a count."""
    rng = np.random.default_rng(1)
    trials = np.floor(2.0 ** rng.uniform(0, 31, 20_000))
    odds = np.clip(10 ** rng.uniform(-30, 1, trials.size) / trials, 2e-38, 1).astype(np.float32)
    trials = np.where(trials * odds < 11.9, trials, 1)
    chosen = jnp.asarray(trials, jnp.int32), jnp.asarray(odds)
    count = jax.jit(lambda u, n, x: module._few(jax.lax.bitcast_convert_type(u, jnp.float32), n, x, 1))
    low, high = np.zeros(trials.size, np.uint32), np.full(trials.size, np.float32(1.5)).view(np.uint32)
    for _ in range(32):
        middle = low + (high - low) // 2
        is_count = np.asarray(count(middle, *chosen)) >= 1
        low, high = np.where(is_count, middle, low), np.where(is_count, high, middle)
    exact = -np.expm1(-trials * np.log1p(odds.astype(float)))
    np.testing.assert_allclose(high.view(np.float32), exact, rtol=5 * ROUNDING)
    assert exact.min() < 1e-29


@each_way
@pytest.mark.parametrize("mean", [0.1, 1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("trials", [1, 1000, 2 * 10**9])
def test_random_words_give_rare_events_their_rate(trials: int, mean: float, how: str) -> None:
    odds = float(np.float32(mean / trials))
    some = law(trials, odds, how).mass[1:].sum()
    assert some == pytest.approx(-np.expm1(-trials * np.log1p(odds)), rel=5 * ROUNDING + 4 / RANKS / mean)


@each_way
@pytest.mark.parametrize(
    ("trials", "probability"), [(23, 0.5), (24, 0.5), (10**9, 1e-8), (10**6, 0.3), (LARGEST, 0.5), (LARGEST, 0.01)]
)
def test_counts_grow_with_the_uniform_number(trials: int, probability: float, how: str) -> None:
    """But for rounding near an edge: a few numbers in a million, by one count. So bisection does find the law."""
    ranks = np.sort(np.random.default_rng(2).integers(0, RANKS, 2**20, dtype=np.uint64))
    counts = counts_at(ranks, trials, odds_of(probability), how)
    lags = np.maximum.accumulate(counts) - counts
    assert lags.max() <= 1
    assert lags.mean() < 1e-5


@each_way
@pytest.mark.parametrize("trials", [0, 1, 2, 23, 24, 25, 100, 10**6, 2 * 10**9, LARGEST])
def test_extreme_words_give_possible_counts(trials: int, how: str) -> None:
    ends = np.array([0, 1, 2**32, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1], np.uint64)
    for odds in (0.0, 1e-38, 1e-9, 1e-4, 0.01, 0.1, 0.4999, 1.0):
        counts = counts_at_words(ends, trials, odds, how)
        assert (counts >= 0).all()
        assert (counts <= trials).all()
        if odds * trials == 0:
            assert (counts == 0).all()


@pytest.mark.parametrize("half", [0, 1], ids=["lower", "upper"])
def test_normal_deviates_are_right_to_1e_6_as_far_as_9_standard_deviations(half: int) -> None:
    random = np.random.default_rng(3).integers(0, 2**63, 100_000, dtype=np.uint64)
    rest = np.concatenate([random, random >> np.uint64(32), np.uint64(1) << np.arange(63, dtype=np.uint64), [0]])
    rest = rest.astype(np.uint64)
    high, low = halves(~rest if half else rest)
    found = np.asarray(module._normal_deviate(jnp.asarray(high), jnp.asarray(low), jnp.float32), float)
    exact = special.ndtri((rest.astype(float) + 0.25) / 2.0**64) * (2 * half - 1)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1.1e-6)
    assert np.abs(exact).max() > 9


@pytest.mark.parametrize(
    ("fitted", "exact", "limit", "error"),
    [
        (module._log_ratio, lambda x: np.log1p(x) / x, 1.0, 2.6 * ROUNDING),
        (module._one_minus_exp_ratio, lambda x: -np.expm1(-x) / x, 0.7, 2 * ROUNDING),
    ],
    ids=["log", "exp"],
)
def test_fitted_polynomials_are_right_to_float32(fitted: Callable, exact: Callable, limit: float, error: float) -> None:
    at = np.append(np.geomspace(1e-30, limit, 50_000), np.linspace(0, limit, 50_000)[1:]).astype(np.float32)
    np.testing.assert_allclose(np.asarray(fitted(jnp.asarray(at))), exact(at.astype(float)), rtol=error)


# Samples.


def operands(trials: np.ndarray, probability: np.ndarray, seed: int) -> tuple[jax.Array, ...]:
    """Arguments of a sampler: elements with words of their own."""
    count = np.size(trials)
    words = bits.words(jax.random.key_data(jax.random.key(seed)), count)
    odds = np.asarray(probability, float) / (1 - np.asarray(probability, float))
    chosen = jnp.asarray(trials, jnp.int32), jnp.asarray(odds, jnp.float32)
    return *(word.reshape(np.shape(trials)) for word in words), *chosen


def assert_distribution(sample: np.ndarray, law: Any) -> None:
    """Every value has its probability, the mean is right, and so is the variance."""
    if law.var() == 0:
        assert (sample == law.mean()).all()
        return
    low, high = int(law.ppf(1e-6)), int(law.ppf(1 - 1e-6))
    if high - low < 2000:
        values = np.arange(low, high + 1)
        observed = np.array([(sample == value).sum() for value in values])
        assert_counts(np.append(observed, sample.size - observed.sum()), sample.size * np.append(law.pmf(values), 2e-6))
    else:
        edges = np.unique(np.round(law.ppf(np.linspace(0.001, 0.999, 200))))
        observed = np.histogram(sample, np.concatenate([[-np.inf], edges + 0.5, [np.inf]]))[0]
        assert_counts(observed, sample.size * np.diff(np.concatenate([[0], law.cdf(edges), [1]])))
    fourth = law.var() ** 2 * (2 + law.stats("k"))
    assert_mean(sample, law.mean(), variance=law.var())
    assert_mean((sample - law.mean()) ** 2, law.var(), variance=np.nan_to_num(fourth))


@each_way
@pytest.mark.parametrize(
    ("trials", "probability"),
    [
        *[(0, 0.3), (0, 0.0), (7, 0.0), (LARGEST, 0.0), (1, 0.5), (1, 0.1), (2, 0.5), (5, 0.3), (1000, 1e-5)],
        *[(19, 0.5), (23, 0.5), (24, 0.5), (25, 0.5), (100, 0.1199), (100, 0.1201), (1000, 0.5), (10**6, 0.3)],
        *[(10**6, 1.199e-5), (10**6, 1.201e-5), (10**9, 1e-9), (10**9, 3e-8), (2 * 10**9, 5.99e-9)],
        *[(2 * 10**9, 6.01e-9), (2 * 10**9, 1e-3), (2 * 10**9, 0.4), (2 * 10**9, 0.5), (LARGEST, 0.5)],
    ],
)
def test_counts_follow_the_binomial_law(trials: int, probability: float, how: str) -> None:
    drawn = operands(np.full(2**18, trials), np.full(2**18, probability), seed=1)
    sample = np.asarray(SAMPLERS[how](*drawn))
    assert sample.min() >= 0
    assert sample.max() <= trials
    odds = odds_of(probability)
    assert_distribution(sample, stats.binom(trials, odds / (1 + odds)))


def mixed(rng: np.random.Generator, shape: tuple[int, ...], largest_mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Trials up to 2³¹ and probabilities of all sizes, some zero; means below `largest_mean`."""
    trials = np.floor(2.0 ** rng.uniform(0, 31, shape)).clip(1, LARGEST)
    limit = np.minimum(0.5, 0.999 * largest_mean / trials)
    probability = limit * 10.0 ** -rng.choice([0.0, 0.3, 3.0, 12.0], shape) * rng.uniform(0.5, 1, shape)
    gone = rng.uniform(size=(2, *shape)) < 0.05
    return np.where(gone[0], 0, trials).astype(np.int32), np.where(gone[1], 0, probability).astype(np.float32)


@pytest.mark.parametrize("largest_mean", [0.0, 1e-3, 1.0, 2.0, 5.0, 12.0, 20.0, 1e3, 1e6, np.inf])
def test_native_code_draws_the_same_counts_as_jax(largest_mean: float) -> None:
    """But for rounding: one in ten thousand next to an edge, and counts of hundreds of millions to seven digits."""
    rng = np.random.default_rng(4)
    for seed in range(5):
        drawn = operands(*mixed(rng, (2**13,), largest_mean), seed)
        here, there = (np.asarray(SAMPLERS[how](*drawn), float) for how in SAMPLERS)
        assert (np.abs(here - there) <= np.maximum(1, 1e-7 * here)).all()
        assert (here != there)[here < 10**6].mean() < 1e-4


@each_way
def test_elements_do_not_depend_on_their_neighbours(how: str) -> None:
    """An element gives the same count whether its neighbours need a long sum, normal scores, or nothing."""
    kinds = np.arange(2**12) % 5
    trials = np.array([1, 1000, 10**6, 2 * 10**9, 50])[kinds]
    probability = np.array([0.5, 0.01, 4e-6, 0.3, 0.25])[kinds]
    everything = np.asarray(SAMPLERS[how](*operands(trials, probability, seed=5)))
    for kind in range(5):
        alone = np.asarray(SAMPLERS[how](*operands(np.where(kinds == kind, trials, 0), probability, seed=5)))
        np.testing.assert_array_equal(alone, np.where(kinds == kind, everything, 0))


@each_way
def test_a_batch_gives_the_same_counts(how: str) -> None:
    shape = (16, 64)
    drawn = operands(*mixed(np.random.default_rng(6), shape, np.inf), seed=6)
    over = jax.jit(jax.vmap(SAMPLERS[how]))
    flat = SAMPLERS[how](*(operand.reshape(-1) for operand in drawn))
    np.testing.assert_array_equal(np.asarray(over(*drawn)).reshape(-1), flat)
