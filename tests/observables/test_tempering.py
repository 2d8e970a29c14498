"""The nearest tempering: against a bounded search in float64, and in the cases that can be solved by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

from jaxcollapse.observables.snapshot import SweepThresholds
from jaxcollapse.observables.tempering import nearest_common_tempering, nearest_tempering
from tests.observables.measuring import each_engine, measure
from tests.reference.tempering import nearest

# Logits on a lattice, so that ties are common and no two are closer than float32 resolves after normalisation.
rows = arrays(
    np.float32, 23, elements=st.integers(-600, 600).map(lambda number: number / 16) | st.just(-np.inf)
).filter(lambda row: bool(np.isfinite(row).any()))


def tempering(log_target: np.ndarray, base: np.ndarray, engine: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Temperature, gap, and the divergence at T = 1 of arrays [row, token], given in float64 and rounded to float32.

    The target is what a model has become, the base where it came from.
    """
    log_target, base = np.broadcast_arrays(log_target, base)
    found = measure(base, log_target, SweepThresholds(jnp.float32(0), jnp.float32(0)), engine)
    names = "effective_temperature", "tempering_gap", "kl_from_initial"
    temperature, gap, divergence = (np.asarray(found[name], float) for name in names)
    return temperature, gap, divergence


def _moment(log_p: np.ndarray, base: np.ndarray) -> float:
    """E_p[max ln b − ln b]."""
    p = np.exp(log_p)
    held = p > 0
    return float((p[held] * (base.max() - base[held])).sum())


@each_engine
@given(target=rows, base=rows)
def test_it_is_the_minimum_that_a_search_finds(target: np.ndarray, base: np.ndarray, engine: str) -> None:
    log_target = special.log_softmax(target.astype(float))
    base = base.astype(float)
    temperature, gap, at_one = (float(values[0]) for values in tempering(log_target[None], base[None], engine))
    expected = nearest(log_target, base)
    assert gap >= 0
    assert gap <= at_one + 1e-6 * (1 + at_one) or np.isinf(at_one)
    assert np.isinf(gap) == np.isinf(expected.gap)
    if np.isfinite(gap):
        assert np.sqrt(gap) == pytest.approx(np.sqrt(max(expected.gap, 0)), abs=2e-5)
    assert np.isnan(temperature) == np.isnan(expected.temperature)
    if temperature > 0 and np.isfinite(temperature):
        tempered = special.log_softmax(base / temperature)
        assert _moment(tempered, base) == pytest.approx(_moment(log_target, base), rel=2e-4, abs=1e-30)


def _families() -> np.ndarray:
    """ln p0 [family, token], 23 tokens each."""
    random = np.random.default_rng(5)
    tokens = np.arange(23)
    return special.log_softmax(
        np.stack(
            [
                -np.log1p(tokens),
                -3 * np.log1p(tokens),
                -np.minimum(tokens, 4) * 0.7,
                np.log(random.dirichlet(np.full(23, 0.5))),
                np.log(random.dirichlet(np.full(23, 20.0))),
                np.where(tokens < 15, -0.3 * tokens, -np.inf),
            ]
        ),
        axis=-1,
    )


@each_engine
@pytest.mark.parametrize("temperature", [1e-3, 0.03, 0.5, 0.9, 1.0, 1.1, 4.0, 50.0, 1e3])
def test_a_tempered_copy_is_recognised_and_brought_back(temperature: float, engine: str) -> None:
    """τ_T(p0) has T* = T and no gap; p0 is recovered from it at 1/T."""
    p0 = _families()
    with np.errstate(invalid="ignore"):
        p = special.log_softmax(p0 / temperature, axis=-1)
    forth, gap, _ = tempering(p, p0, engine)
    # Hotter, p is closer to uniform, and what float32 keeps of ln p says less about T.
    np.testing.assert_allclose(forth, temperature, rtol=1e-5 * max(temperature, 3))
    np.testing.assert_allclose(gap, 0, atol=1e-11)
    back, gap, _ = tempering(p0, p0 / temperature, engine)
    np.testing.assert_allclose(back, 1 / temperature, rtol=3e-5)
    np.testing.assert_allclose(gap, 0, atol=1e-11)


@each_engine
@pytest.mark.parametrize("generations", [100, 400, 900])
def test_hundreds_of_generations_of_cooling_are_still_only_cooling(generations: int, engine: str) -> None:
    """T = 0.955 for g generations: T* = 0.955^g, as low as 1e-18, with logits as large as 1e19."""
    temperature = 0.955**generations
    p0 = _families()
    depth = p0 - p0.max(axis=-1, keepdims=True)
    forth, gap, _ = tempering(special.log_softmax(depth / temperature, axis=-1), p0, engine)
    np.testing.assert_allclose(forth, temperature, rtol=1e-4)
    np.testing.assert_allclose(gap, 0, atol=1e-11)
    back, gap, _ = tempering(p0, depth / temperature, engine)
    np.testing.assert_allclose(back, 1 / temperature, rtol=1e-4)
    np.testing.assert_allclose(gap, 0, atol=3e-11)  # ln of depths of 1e19 is good to 3e-6, which enters squared


@each_engine
def test_the_ends_of_the_temperature_scale(engine: str) -> None:
    """T* = 0 on the mode, ∞ when uniform or in the opposite order; of a uniform base none; a lost token stays lost."""
    p0 = np.log([0.5, 0.3, 0.15, 0.05])
    never = -np.inf
    uniform = np.log([0.25] * 4)
    cases = {
        "a point mass on the mode": ([0, never, never, never], p0, 0, 0),
        "a point mass on the rarest token": ([never, never, never, 0], p0, np.inf, np.log(4)),
        "uniform": (uniform, p0, np.inf, 0),
        "in the opposite order": (p0[::-1], p0, np.inf, (np.exp(p0) * (p0 - uniform)).sum()),
        "uniform base": (p0, uniform, np.nan, (np.exp(p0) * (p0 - uniform)).sum()),
        "both uniform": (uniform, uniform, np.nan, 0),
        "a token lost": (p0, [*p0[:3], never], np.nan, np.inf),
        "a point mass has lost the rest": (p0, [0, never, never, never], np.nan, np.inf),
        "both the same point mass": ([0, never, never, never], [0, never, never, never], np.nan, 0),
        "half of tied modes": (np.log([0.6, 0.4, 1e-30, 1e-30]), [0, 0, -1, -2], 1 / -np.log(6e-30), 0.0201355),
    }
    targets, bases, temperatures, gaps = zip(*cases.values(), strict=True)
    found, gap, _ = tempering(np.array(targets, float), np.array(bases, float), engine)
    for place, name in enumerate(cases):
        np.testing.assert_allclose(found[place], temperatures[place], rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(gap[place], gaps[place], rtol=1e-5, atol=1e-12, err_msg=name)


@each_engine
def test_only_differences_of_the_logits_matter(engine: str) -> None:
    p0 = _families()
    target = np.roll(p0, 1, axis=-1)[:5]
    plain = tempering(target, np.round(64 * p0[:5]) / 64, engine)
    for shift in (-1024.0, 1024.0):
        shifted = tempering(target, np.round(64 * p0[:5]) / 64 + shift, engine)
        np.testing.assert_allclose(shifted, plain, rtol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "exponent"), [("float32", 100), ("float32", -100), ("float64", 520), ("float64", -520)]
)
def test_scales_whose_squares_leave_the_range_of_numbers_are_one_temperature_more(dtype: str, exponent: int) -> None:
    """The gap is what it is without them; of one row, and of all rows together."""
    with jax.enable_x64(True):
        random = np.random.default_rng(3)
        target = jnp.asarray(special.log_softmax(random.normal(size=(4, 23)), axis=-1), dtype)
        base = jnp.asarray(random.normal(size=(4, 23)), dtype)
        far = jnp.ldexp(base - base.max(axis=-1, keepdims=True), exponent)
        weights = jnp.full(4, 0.25, dtype)
        of_rows, of_all = jax.jit(jax.vmap(nearest_tempering)), jax.jit(nearest_common_tempering)
        pairs = [
            (of_rows(target, base), of_rows(target, far)),
            (of_all(target, base, weights), of_all(target, far, weights)),
        ]
        for near, found in pairs:
            np.testing.assert_allclose(found.gap, near.gap, rtol=1e-4, atol=1e-7)
            np.testing.assert_allclose(np.ldexp(found.temperature, -exponent), near.temperature, rtol=1e-3)
