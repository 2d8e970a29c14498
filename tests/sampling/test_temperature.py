"""τ_T and truncation: identities, limits, and the definitions."""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jaxcollapse.sampling import truncation
from jaxcollapse.sampling.selection import at_least, ordered_bits
from jaxcollapse.sampling.temperature import temper
from tests.reference.laws import softmax

# Few lengths, so that few programs are compiled.
rows = (
    st.sampled_from([1, 2, 31])
    .flatmap(
        lambda size: arrays(
            np.float32, size, elements=st.floats(-60, 60, width=32, allow_subnormal=False) | st.just(-np.inf)
        )
    )
    .filter(lambda row: bool(np.isfinite(row).any()))
)
cool, top_k, top_p, min_p = map(jax.jit, (temper, truncation.top_k, truncation.top_p, truncation.min_p))


@given(rows)
def test_temperature_one_returns_the_same_bits(row: np.ndarray) -> None:
    np.testing.assert_array_equal(np.asarray(cool(row, jnp.float32(1))), row)


@given(rows, st.floats(0.0625, 20, width=32))
def test_tempering_raises_probabilities_to_the_power_one_over_t(row: np.ndarray, temperature: float) -> None:
    expected = softmax(row.astype(float) / temperature)
    tempered = np.asarray(jax.nn.softmax(cool(row, jnp.float32(temperature))))
    np.testing.assert_allclose(tempered, expected, rtol=2e-3, atol=1e-30)


@given(rows)
def test_temperature_zero_is_the_argmax_and_ties_share(row: np.ndarray) -> None:
    modes = row == row.max()
    np.testing.assert_allclose(jax.nn.softmax(cool(row, jnp.float32(0))), modes / modes.sum(), rtol=1e-6)


@given(rows)
def test_infinite_temperature_is_uniform_over_possible_tokens(row: np.ndarray) -> None:
    possible = np.isfinite(row)
    np.testing.assert_allclose(jax.nn.softmax(cool(row, jnp.float32(np.inf))), possible / possible.sum(), rtol=1e-6)


@pytest.mark.parametrize("temperature", [1e-38, 1e-10, 1e10, 3e38])
def test_extreme_temperatures_give_no_nan(temperature: float) -> None:
    row = jnp.array([0.0, -1e-3, -50.0, -1e30, -jnp.inf])
    p = jax.nn.softmax(cool(row, jnp.float32(temperature)))
    assert np.isfinite(p).all()
    assert p[-1] == 0


@given(rows, st.integers(1, 50))
def test_top_k_keeps_the_k_largest_and_ties(row: np.ndarray, k: int) -> None:
    edge = np.sort(row)[::-1][min(k, len(row)) - 1]
    expected = np.where(row >= edge, row, -np.inf)
    np.testing.assert_array_equal(top_k(row, jnp.float32(k)), expected)


@given(rows, st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_tokens_that_reach_p(row: np.ndarray, p: float) -> None:
    kept = np.isfinite(np.asarray(top_p(row, jnp.float32(p))))
    probabilities = np.asarray(jax.nn.softmax(jnp.asarray(row)))
    if not kept.all():
        assert row[kept].min() > row[~kept].max()
    assert probabilities[kept].sum() >= p - 1e-5
    without_least = kept & (row > row[kept].min())
    assert probabilities[without_least].sum() < p + 1e-5


@given(rows)
def test_truncation_switched_off_changes_nothing(row: np.ndarray) -> None:
    for cut, off in ((top_k, np.inf), (top_p, 1.0), (min_p, 0.0)):
        np.testing.assert_array_equal(cut(row, jnp.float32(off)), row)


def test_min_p_is_relative_to_the_mode() -> None:
    row = jnp.log(jnp.array([0.5, 0.3, 0.15, 0.05]))
    kept = np.isfinite(np.asarray(min_p(row, jnp.float32(0.25))))
    np.testing.assert_array_equal(kept, [True, True, True, False])


def test_single_and_double_precision_cut_the_same_at_an_edge() -> None:
    """Also at the edges that counts have."""
    with jax.enable_x64(True):

        def kept(cut: Callable, p: list[float], edge: float, dtype: str) -> list[bool]:
            row = jnp.asarray(np.log(p), dtype)
            return np.isfinite(np.asarray(cut(row, jnp.asarray(edge, dtype)))).tolist()

        for order, dtype in itertools.product(itertools.permutations([0.6, 0.3, 0.1]), ["float32", "float64"]):
            two = [each > 0.2 for each in order]
            assert kept(top_p, list(order), 0.9, dtype) == kept(min_p, list(order), 0.5, dtype) == two
        for most in range(51, 100):
            p = [most / 100, 0.6 * (100 - most) / 100, 0.4 * (100 - most) / 100]
            for cut, edge in ((top_p, p[0]), (top_p, p[0] + p[1]), (min_p, p[1] / p[0])):
                assert kept(cut, p, edge, "float32") == kept(cut, p, edge, "float64")


@given(arrays(np.float32, 40, elements=st.floats(width=32, allow_nan=False)))
def test_ordered_bits_order_as_the_numbers_do(values: np.ndarray) -> None:
    keys = np.asarray(ordered_bits(jnp.asarray(values)))
    tiny = np.finfo(np.float32).tiny
    flushed = np.where(np.abs(values) < tiny, 0, values)  # XLA may flush subnormal numbers to zero
    np.testing.assert_array_equal(
        (keys[:, None] < keys[None, :]) & (flushed[:, None] != flushed[None, :]), flushed[:, None] < flushed[None, :]
    )


def test_more_weight_than_there_is_keeps_everything() -> None:
    values = jnp.array([3.0, -jnp.inf, 1.0])
    assert np.asarray(at_least(values, jnp.ones(3, jnp.int32), jnp.int32(9))).all()
