"""Binomial counts against SciPy's probabilities: the law as such, without a sample, and samples."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from jaxcollapse.sampling import binomial as module
from jaxcollapse.sampling import bits
from jaxcollapse.sampling.binomial import SWITCH, binomial
from tests.sampling.exact_law import RANKS, counters, counts_at, counts_at_words, halves, keys, law
from tests.statistics import assert_counts, assert_mean

PROBABILITIES = (0.5, 0.4, 0.3, 0.1, 0.01, 1e-4, 1e-7)
LARGEST = 2**31 - 1
ROUNDING = 2.0**-24  # float32's


def trials_of_mean(mean: float, probability: float) -> int:
    """The fewest trials whose mean is `mean` or more, to the sampler and in fact."""
    trials = int(np.ceil(mean / float(np.float32(probability))))
    return trials + int(np.float32(trials) * np.float32(probability) < mean)


def means_and_probabilities(*means: float) -> list[tuple[float, float]]:
    """All pairs that need no more than 2³¹ trials."""
    return [(mean, p) for mean in means for p in PROBABILITIES if trials_of_mean(mean, p) <= LARGEST]


def approximation(mean: float) -> float:
    """What the closed form's total variation stays below in exact arithmetic, as measured."""
    return 3.4e-6 * (SWITCH / mean) ** 1.5 + 4e-7


# The law, without a sample.


def test_there_are_counters_for_any_words() -> None:
    words = np.random.default_rng(0).integers(0, 2**64, 1000, dtype=np.uint64)
    high, low = halves(words)
    made = bits.threefry2x32(keys(1000), *counters(jnp.asarray(high), jnp.asarray(low)))
    np.testing.assert_array_equal(made, (high, low))


@pytest.mark.parametrize(("mean", "probability"), means_and_probabilities(12, 12.5, 14, 20, 30, 100, 1e3))
def test_normal_scores_alone_are_right_to_3e_6_at_a_mean_of_12_and_better_beyond(
    mean: float, probability: float
) -> None:
    with jax.enable_x64(True):
        found = law(trials_of_mean(mean, probability), probability, np.float64)
    assert found.total_variation < approximation(mean)
    assert found.kolmogorov < 0.7 * approximation(mean)


@pytest.mark.parametrize(
    ("mean", "probability"), means_and_probabilities(12, 12.5, 14, 20, 100, 300, 1e3, 1e4, 1e6, 3e7)
)
def test_in_float32_normal_scores_lose_its_rounding_and_no_more(mean: float, probability: float) -> None:
    """A normal deviate of 24 bits tells counts apart to that part of a standard deviation."""
    found, deviation = law(trials_of_mean(mean, probability), probability), np.sqrt(mean * (1 - probability))
    assert found.total_variation < approximation(mean) + 1.2 * deviation * ROUNDING
    assert found.kolmogorov < 0.7 * approximation(mean) + mean / deviation * ROUNDING  # the mean itself is rounded


@pytest.mark.parametrize("probability", PROBABILITIES)
@pytest.mark.parametrize("mean", [11.999, 8.0, 5.01, 5.0, 2.0, 0.71, 0.7, 0.1, 1e-3, 1e-6])
def test_small_means_are_right_to_float32(mean: float, probability: float) -> None:
    trials = int(mean / probability)
    found = law(max(trials, 1), probability if trials else mean)
    assert found.total_variation < 4 * mean * ROUNDING


def test_rare_events_keep_their_rate_however_rare() -> None:
    """P(K ≥ 1) from 1 down to 1e-30, with up to 2³¹ trials: the largest uniform number that still gives a count."""
    rng = np.random.default_rng(1)
    trials = np.floor(2.0 ** rng.uniform(0, 31, 20_000))
    probability = np.clip(10 ** rng.uniform(-30, 1, trials.size) / trials, 2e-38, 0.5).astype(np.float32)
    trials = np.where(trials * probability < 11.9, trials, 1)
    chosen = jnp.asarray(trials, jnp.int32), jnp.asarray(probability)
    count = jax.jit(lambda u, n, p: module._few(u, u, u, n, p, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bits, "threefry2x32", lambda key, high, low: (high, low))
        patch.setattr(bits, "uniform", lambda high, low, dtype: jax.lax.bitcast_convert_type(high, dtype))
        low, high = np.zeros(trials.size, np.uint32), np.full(trials.size, np.float32(1.5)).view(np.uint32)
        for _ in range(32):
            middle = low + (high - low) // 2
            is_count = np.asarray(count(middle, *chosen)) >= 1
            low, high = np.where(is_count, middle, low), np.where(is_count, high, middle)
    exact = -np.expm1(trials * np.log1p(-probability.astype(float)))
    np.testing.assert_allclose(high.view(np.float32), exact, rtol=5 * ROUNDING)
    assert exact.min() < 1e-29


@pytest.mark.parametrize("mean", [0.1, 1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("trials", [1, 1000, 2 * 10**9])
def test_random_words_give_rare_events_their_rate(trials: int, mean: float) -> None:
    probability = float(np.float32(mean / trials))
    found = law(trials, probability)
    some = found.mass[1:].sum()
    assert some == pytest.approx(-np.expm1(trials * np.log1p(-probability)), rel=5 * ROUNDING + 4 / RANKS / mean)


@pytest.mark.parametrize(
    ("trials", "probability"), [(23, 0.5), (24, 0.5), (10**9, 1e-8), (10**6, 0.3), (LARGEST, 0.5), (LARGEST, 0.01)]
)
def test_counts_grow_with_the_uniform_number(trials: int, probability: float) -> None:
    """But for rounding near an edge: a few numbers in a million, by one count. So bisection does find the law."""
    ranks = np.sort(np.random.default_rng(2).integers(0, RANKS, 2**20, dtype=np.uint64))
    counts = counts_at(ranks, trials, probability)
    lags = np.maximum.accumulate(counts) - counts
    assert lags.max() <= 1
    assert lags.mean() < 1e-5


@pytest.mark.parametrize("trials", [0, 1, 2, 23, 24, 25, 100, 10**6, 2 * 10**9, LARGEST])
def test_extreme_words_give_possible_counts(trials: int) -> None:
    ends = np.array([0, 1, 2**32, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1], np.uint64)
    for probability in (0.0, 1e-38, 1e-9, 1e-4, 0.01, 0.1, 0.4999, 0.5):
        counts = counts_at_words(ends, trials, probability)
        assert (counts >= 0).all()
        assert (counts <= trials).all()
        if probability * trials == 0:
            assert (counts == 0).all()


@pytest.mark.parametrize("sign", [0, 1])
def test_normal_deviates_are_right_to_1e_6_as_far_as_9_standard_deviations(sign: int) -> None:
    random = np.random.default_rng(3).integers(0, 2**63, 100_000, dtype=np.uint64)
    rest = np.concatenate([random, random >> np.uint64(32), np.uint64(1) << np.arange(63, dtype=np.uint64), [0]])
    high, low = halves(rest.astype(np.uint64) | np.uint64(sign << 63))
    found = np.asarray(module._normal_deviate(jnp.asarray(high), jnp.asarray(low), jnp.float32), float)
    exact = special.ndtri((rest.astype(float) + 0.125) / 2.0**64) * (1 - 2 * sign)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1.1e-6)
    assert np.abs(exact).max() > 9


@pytest.mark.parametrize(
    ("fitted", "exact", "limit"),
    [
        (module._log_ratio, lambda p: -np.log1p(-p) / p, 0.5),
        (module._one_minus_exp_ratio, lambda x: -np.expm1(-x) / x, 0.7),
    ],
    ids=["log", "exp"],
)
def test_fitted_polynomials_are_right_to_float32(fitted: Callable, exact: Callable, limit: float) -> None:
    at = np.append(np.geomspace(1e-30, limit, 50_000), np.linspace(0, limit, 50_000)[1:]).astype(np.float32)
    np.testing.assert_allclose(np.asarray(fitted(jnp.asarray(at))), exact(at.astype(float)), rtol=2 * ROUNDING)


# Samples.

_draw = jax.jit(partial(binomial, adaptive=True))
_draw_fixed = jax.jit(binomial)


def operands(trials: np.ndarray, probability: np.ndarray, seed: int) -> tuple[jax.Array, ...]:
    """Arguments of `binomial`: elements with counters of their own, under one key."""
    shape = np.shape(trials)
    counter = jnp.arange(np.size(trials), dtype=jnp.uint32).reshape(shape)
    key = jax.random.key_data(jax.random.key(seed)).reshape(2, *(1 for _ in shape))
    chosen = jnp.asarray(trials, jnp.int32), jnp.asarray(probability, jnp.float32)
    return jnp.broadcast_to(key, (2, *shape)), jnp.full(shape, 5, jnp.uint32), counter, *chosen


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


@pytest.mark.parametrize(
    ("trials", "probability"),
    [
        *[(0, 0.3), (0, 0.0), (7, 0.0), (LARGEST, 0.0), (1, 0.5), (1, 0.1), (2, 0.5), (5, 0.3), (1000, 1e-5)],
        *[(19, 0.5), (23, 0.5), (24, 0.5), (25, 0.5), (100, 0.1199), (100, 0.1201), (1000, 0.5), (10**6, 0.3)],
        *[(10**6, 1.199e-5), (10**6, 1.201e-5), (10**9, 1e-9), (10**9, 3e-8), (2 * 10**9, 5.99e-9)],
        *[(2 * 10**9, 6.01e-9), (2 * 10**9, 1e-3), (2 * 10**9, 0.4), (2 * 10**9, 0.5), (LARGEST, 0.5)],
    ],
)
def test_counts_follow_the_binomial_law(trials: int, probability: float) -> None:
    sample = np.asarray(_draw(*operands(np.full(2**18, trials), np.full(2**18, probability), seed=1)))
    assert sample.min() >= 0
    assert sample.max() <= trials
    assert_distribution(sample, stats.binom(trials, float(np.float32(probability))))


def mixed(rng: np.random.Generator, shape: tuple[int, ...], largest_mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Trials up to 2³¹ and probabilities of all sizes, some zero; means below `largest_mean`."""
    trials = np.floor(2.0 ** rng.uniform(0, 31, shape)).clip(1, LARGEST)
    limit = np.minimum(0.5, 0.999 * largest_mean / trials)
    probability = limit * 10.0 ** -rng.choice([0.0, 0.3, 3.0, 12.0], shape) * rng.uniform(0.5, 1, shape)
    gone = rng.uniform(size=(2, *shape)) < 0.05
    return np.where(gone[0], 0, trials).astype(np.int32), np.where(gone[1], 0, probability).astype(np.float32)


@pytest.mark.parametrize("largest_mean", [0.0, 1e-3, 1.0, 2.0, 5.0, 12.0, 20.0, 1e3, 1e6, np.inf])
def test_accelerators_draw_the_same_counts_as_cpus(largest_mean: float) -> None:
    rng = np.random.default_rng(4)
    for seed in range(5):
        drawn = operands(*mixed(rng, (2**13,), largest_mean), seed)
        np.testing.assert_array_equal(_draw(*drawn), _draw_fixed(*drawn))


def test_elements_do_not_depend_on_their_neighbours() -> None:
    """An element gives the same count whether its neighbours need a long sum, normal scores, or nothing."""
    kinds = np.arange(2**12) % 5
    trials = np.array([1, 1000, 10**6, 2 * 10**9, 50])[kinds]
    probability = np.array([0.5, 0.01, 4e-6, 0.3, 0.25])[kinds]
    everything = np.asarray(_draw(*operands(trials, probability, seed=5)))
    for kind in range(5):
        alone = np.asarray(_draw(*operands(np.where(kinds == kind, trials, 0), probability, seed=5)))
        np.testing.assert_array_equal(alone, np.where(kinds == kind, everything, 0))


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_batch_gives_the_same_counts(adaptive: bool) -> None:
    shape = (16, 64)
    drawn = operands(*mixed(np.random.default_rng(6), shape, np.inf), seed=6)
    over = jax.vmap(partial(binomial, adaptive=adaptive), (1, 0, 0, 0, 0))
    flat = _draw(*(operand.reshape(*operand.shape[:-2], -1) for operand in drawn))
    np.testing.assert_array_equal(np.asarray(jax.jit(over)(*drawn)).reshape(-1), flat)
