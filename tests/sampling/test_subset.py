"""Minibatches without replacement are uniformly random subsets."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxcollapse.sampling.subset import _below, subset
from tests.support.statistics import assert_counts, assert_mean

_draw = jax.jit(jax.vmap(lambda key, counts, size: subset(key, counts, size, jnp.float32), (0, None, None)))


def draw(counts: list[int], size: int, repeats: int = 20_000) -> np.ndarray:
    keys = jax.random.key_data(jax.random.split(jax.random.key(5), repeats))
    return np.asarray(_draw(keys, jnp.array(counts, jnp.int32), jnp.int32(size)))


@pytest.mark.parametrize(
    ("counts", "size"),
    [
        *[([5], 3), ([3, 2, 0, 1], 0), ([3, 2, 0, 1], 4), ([3, 2, 0, 1], 6), ([100, 50, 7, 0, 1], 30)],
        *[([1000, 500, 100, 1, 1], 800), ([1000, 500, 100, 1, 1], 802), ([10**6, 10**5, 30, 2, 10**4], 50_000)],
        *[([10**9, 10**8, 10**3, 5], 5 * 10**8), ([2] * 300, 200), ([2] * 300, 500)],
    ],
)
def test_subsets_have_their_size_and_hypergeometric_moments(counts: list[int], size: int) -> None:
    taken = draw(counts, size)
    assert (taken.sum(axis=1) == size).all()
    assert (taken >= 0).all()
    assert (taken <= np.array(counts)).all()
    share, total = np.array(counts) / sum(counts), sum(counts)
    variance = size * share * (1 - share) * (total - size) / max(total - 1, 1)
    assert_mean(taken, size * share)
    assert_mean((taken - size * share) ** 2, variance)


def test_every_subset_of_a_small_corpus_is_equally_likely() -> None:
    counts, size = [3, 2, 1, 2], 4
    taken = draw(counts, size)
    kinds = [kind for kind in itertools.product(*(range(c + 1) for c in counts)) if sum(kind) == size]
    law = stats.multivariate_hypergeom(counts, size)
    observed = [(taken == kind).all(axis=1).sum() for kind in kinds]
    assert_counts(np.array(observed), len(taken) * np.array([law.pmf(list(kind)) for kind in kinds]))


def test_integers_below_a_limit_are_exact_products() -> None:
    rng = np.random.default_rng(1)
    high, low = rng.integers(0, 2**32, (2, 1000), dtype=np.uint64).astype(np.uint32)
    for limit in (1, 2, 3, 12345, 2**31 - 1):
        exact = [(int(h) * 2**32 + int(lo)) * limit >> 64 for h, lo in zip(high, low, strict=True)]
        np.testing.assert_array_equal(_below(jnp.asarray(high), jnp.asarray(low), jnp.int32(limit)), exact)
