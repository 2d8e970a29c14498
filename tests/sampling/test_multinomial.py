"""Exact multinomial counts: totals, means, covariances, tails, limits."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse.sampling.multinomial import Method, fill, method, multinomial
from tests.statistics import SIGMAS, assert_counts, assert_mean

RNG = np.random.default_rng(0)


@partial(jax.jit, static_argnames="how")
def _draw(keys: jax.Array, weights: jax.Array, draws: jax.Array, how: Method, blocks: jax.Array) -> jax.Array:
    urn = fill(weights)
    return jax.vmap(lambda key: multinomial(key, urn, draws, how, blocks))(keys)


def draw(weights: np.ndarray, draws: int, how: Method, repeats: int, seed: int = 0) -> np.ndarray:
    keys = jax.random.key_data(jax.random.split(jax.random.key(seed), repeats))
    weights = jnp.asarray(weights, jnp.float32)
    return np.asarray(_draw(keys, weights, jnp.int32(draws), how, jnp.int32(how.blocks(draws))))


def weights_of(kind: str, tokens: int) -> np.ndarray:
    made = {
        "equal": np.ones(tokens),
        "random": RNG.gamma(0.5, size=tokens) + 1e-30,
        "one token": np.append(np.full(tokens - 1, 1e-12 / max(tokens - 1, 1)), 1 - 1e-12),
        "thirty decades": 10.0 ** -np.linspace(0, 30, tokens),
        "subnormal": np.append(np.full(tokens - 1, 1e-40), 1.0),
        "half impossible": np.where(np.arange(tokens) % 2, 0.0, 1.0),
    }
    return made[kind]


@pytest.mark.parametrize("how", [Method(1, False), Method(64, False), Method(64, True)], ids=str)
@pytest.mark.parametrize("kind", ["equal", "random", "one token", "thirty decades", "subnormal", "half impossible"])
@pytest.mark.parametrize(("tokens", "draws"), [(1, 5), (2, 1), (17, 64), (16, 300), (100, 100)])
def test_counts_have_the_exact_total_and_the_right_means(tokens: int, draws: int, kind: str, how: Method) -> None:
    weights = weights_of(kind, tokens).astype(np.float32)
    if not weights.any():
        return
    counts = draw(weights, draws, how, 3000)
    assert (counts.sum(axis=1) == draws).all()
    assert (counts >= 0).all()
    assert (counts[:, weights == 0] == 0).all()
    p = weights.astype(float) / weights.astype(float).sum()
    assert_counts(counts.sum(axis=0), len(counts) * draws * p)


@pytest.mark.parametrize("draws", [0, 1, 16, 10**9])
def test_limits_of_the_number_of_draws(draws: int) -> None:
    counts = draw(weights_of("random", 16), draws, method(16, draws), 100)
    assert (counts.sum(axis=1) == draws).all()


@pytest.mark.parametrize(("tokens", "draws"), [(5, 40), (32, 10**6), (16, 10**9), (8, 2_000_000_000)])
@pytest.mark.parametrize("rounds", [False, True])
def test_counts_have_multinomial_variances_and_covariances(tokens: int, draws: int, rounds: bool) -> None:
    if draws > 1000 and not rounds:
        return
    weights = np.arange(1.0, tokens + 1)
    counts = draw(weights, draws, Method(64, rounds), 20_000).astype(float)
    p = weights / weights.sum()
    centred = (counts - draws * p) / np.sqrt(draws)
    assert_mean(centred**2, p * (1 - p), resolves=0.05)
    assert_mean(centred[:, 0] * centred[:, -1], -p[0] * p[-1])


def test_a_token_of_probability_1e_9_gets_its_expected_count() -> None:
    """A million tokens, a thousand of them at 1e-9 each: 4e9 draws give 4000 of them, far below float32's 6e-8."""
    tokens = 10**6
    p = 1 / np.arange(1.0, tokens + 1)
    rare = RNG.choice(tokens, 1000, replace=False)
    rest = np.ones(tokens, bool)
    rest[rare] = False
    p[rest] *= (1 - 1e-6) / p[rest].sum()
    p[rare] = 1e-9
    counts = draw(p, 10**9, Method(64, True), 4).astype(np.int64).sum(axis=0)
    assert counts.sum() == 4 * 10**9
    assert abs(counts[rare].sum() - 4000) < SIGMAS * np.sqrt(4000)
    assert_counts(counts[rest], 4e9 * p[rest].astype(np.float32))


def test_single_draws_reach_the_tail_of_a_million_tokens() -> None:
    """Zipf's law over a million tokens: each decade of ranks gets its share (a float32 running sum ends at 0.998)."""
    tokens = 10**6
    p = 1 / np.arange(1.0, tokens + 1)
    p /= p.sum()
    counts = draw(p, 10_000, Method(1024, False), 400).sum(axis=0)
    edges = [0, 1, 10, 100, 1000, 10_000, 100_000, 500_000, 900_000, tokens]
    observed = np.add.reduceat(counts, edges[:-1])
    assert_counts(observed, 4e6 * np.add.reduceat(p, edges[:-1]))


def test_rare_tokens_beside_heavy_ones_are_not_lost() -> None:
    """Neighbours in every order: a token of 1e-6 is drawn as often first, in the middle or last of 64."""
    for place in (0, 31, 63):
        p = np.full(64, 1e-12)
        p[place] = 1e-6
        p[(place + 7) % 64] = 1.0
        counts = draw(p, 10_000, Method(1024, False), 2000)
        expected = 2e7 * 1e-6 / p.sum()
        assert abs(counts[:, place].sum() - expected) < SIGMAS * np.sqrt(expected)


def test_the_method_is_single_draws_for_few_and_rounds_for_many() -> None:
    assert method(4096, 1) == Method(1, False)
    assert method(4096, 16).block == 16
    assert not method(4096, 1000).rounds
    assert method(32, 10**6).rounds
    assert method(256, 100).blocks(100) == 2
    assert method(32, 10**9).blocks(10**9) == 1


def test_the_result_does_not_depend_on_spare_blocks() -> None:
    key = jax.random.key_data(jax.random.key(3))
    urn = fill(jnp.arange(1.0, 17.0))
    few, many = (multinomial(key, urn, jnp.int32(20), Method(16, False), jnp.int32(n)) for n in (2, 5))
    np.testing.assert_array_equal(few, many)
