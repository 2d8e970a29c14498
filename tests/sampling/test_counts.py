"""`jaxcollapse.multinomial`: exact laws, limits, batches, and what it refuses. The sampler itself: test_multinomial."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse import native
from tests.reference.counts import law, outcomes
from tests.support.statistics import assert_counts

KEY = jax.random.key(3)
MOST = 2**31 - 1


def test_counts_follow_the_multinomial_law() -> None:
    """Every outcome of four draws of three tokens, over a hundred thousand rows."""
    p, rows = np.array([0.6, 0.3, 0.1]), 100_000
    counts = np.asarray(jax.jit(jc.multinomial)(KEY, jnp.full(rows, 4), jnp.log(p)))
    possible = outcomes(4, 3)
    seen = np.array([np.all(counts == outcome, axis=1).sum() for outcome in possible])
    assert_counts(seen, rows * law(possible, p))


@pytest.mark.parametrize("tokens", [1, 2, 17, 1500])
@pytest.mark.parametrize("n", [0, 1, 1000, MOST])
def test_counts_add_up_and_impossible_tokens_are_never_drawn(tokens: int, n: int) -> None:
    logits = jax.random.normal(KEY, (5, tokens)).at[:, 1::3].set(-jnp.inf)
    counts = np.asarray(jc.multinomial(KEY, n, logits), np.int64)
    assert counts.dtype == np.int64
    assert (counts >= 0).all()
    np.testing.assert_array_equal(counts.sum(axis=1), n)
    assert not counts[:, 1::3].any()


def test_a_rare_token_is_as_likely_as_it_should_be() -> None:
    """Of 2³¹ − 1 draws each of a thousand rows has a token of probability 1e-9 about twice."""
    counts = np.asarray(jc.multinomial(KEY, jnp.full(1000, MOST), jnp.log(jnp.array([1.0, 1e-9]))))[:, 1]
    expected = 1000 * MOST * 1e-9
    assert abs(counts.sum() - expected) < 4 * np.sqrt(expected)


def test_a_batch_is_its_rows() -> None:
    logits, n = jax.random.normal(KEY, (2, 3, 8)), jnp.array([[1], [50]])
    counts = jc.multinomial(KEY, n, logits)
    for row, place in enumerate(np.ndindex(2, 3)):
        alone = jc.multinomial(jax.random.fold_in(KEY, row), n[place[0], 0], logits[place])
        np.testing.assert_array_equal(counts[place], alone)


def test_it_is_the_same_jitted_mapped_and_with_a_raw_key() -> None:
    logits, keys = jax.random.normal(KEY, (4, 30)), jax.random.split(KEY, 4)
    mapped = jax.jit(jax.vmap(jc.multinomial, (0, None, 0)))(keys, 20, logits)
    for place in range(4):
        np.testing.assert_array_equal(mapped[place], jc.multinomial(keys[place], 20, logits[place]))
        raw = jax.random.key_data(keys[place])
        np.testing.assert_array_equal(mapped[place], jc.multinomial(raw, 20, logits[place]))


def test_a_constant_of_a_row_changes_nothing_however_large() -> None:
    logits = jnp.log(jnp.array([0.5, 0.25, 0.25]))
    for constant in (-1024.0, 1024.0):
        np.testing.assert_array_equal(jc.multinomial(KEY, 1000, logits), jc.multinomial(KEY, 1000, logits + constant))


def test_native_code_and_xla_draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, n = jax.random.normal(KEY, (64, 100)), jnp.arange(64) * 10
    assert native.processor() is not None
    by_native_code = jc.multinomial(KEY, n, logits)
    monkeypatch.setattr(native, "processor", lambda: None)
    by_xla = jc.multinomial(KEY, n, logits)
    assert np.mean(np.any(by_native_code != by_xla, axis=1)) < 0.02


@pytest.mark.parametrize("row", [[-np.inf, -np.inf], [np.nan, 0.0], [np.inf, 0.0]])
def test_a_row_that_is_no_distribution_has_no_counts(row: list[float]) -> None:
    np.testing.assert_array_equal(jc.multinomial(KEY, 5, jnp.array([row, [0.0, -jnp.inf]])), [[-1, -1], [5, 0]])


@pytest.mark.parametrize(
    ("key", "n", "logits", "error", "told"),
    [
        (KEY, 1, 0.0, ValueError, "logits: of shape"),
        (KEY, 1, jnp.zeros((3, 0)), ValueError, "logits: of shape"),
        (KEY, 1.5, jnp.zeros(3), TypeError, "n: of type float32; integers are needed"),
        (jax.random.split(KEY), 1, jnp.zeros(3), ValueError, "key: its words have the shape"),
        (KEY, jnp.zeros(2, jnp.int32), jnp.zeros((3, 4)), ValueError, "Incompatible shapes"),
    ],
)
def test_what_makes_no_sense_is_refused(key: Any, n: Any, logits: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        jc.multinomial(key, n, logits)
