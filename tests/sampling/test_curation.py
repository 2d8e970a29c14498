"""Selection of samples against the enumeration of all candidates, and its limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse.sampling.curation import CURATIONS, verified
from tests.reference.laws import softmax
from tests.reference.traces import selected

LOGITS = np.array([0.3, -2.0, 1.1, -np.inf, -0.4])
REWARDS = {
    "distinct": np.array([0.2, 1.7, -0.5, 3.0, 0.9]),
    "tied": np.array([1.0, 1.0, 0.0, 3.0, 0.0]),
    "all tied": np.full(5, 0.3),
    "far apart": np.array([0.0, -60.0, 20.0, 99.0, -20.0]),
}


def kept(how: str, logits: np.ndarray, rewards: np.ndarray, candidates: float) -> np.ndarray:
    found = jax.jit(CURATIONS[how])(jnp.float32(logits), jnp.float32(rewards), jnp.float32(candidates))
    return softmax(np.asarray(found, float))


@pytest.mark.parametrize("how", CURATIONS)
@pytest.mark.parametrize("rewards", REWARDS.values(), ids=REWARDS)
@pytest.mark.parametrize("candidates", [1, 2, 3, 5])
def test_the_law_of_what_is_kept_is_that_of_all_candidates(how: str, rewards: np.ndarray, candidates: int) -> None:
    expected = selected(how, softmax(LOGITS), rewards, candidates)
    np.testing.assert_allclose(kept(how, LOGITS, rewards, candidates), expected, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("candidates", [1e6, 1e9, np.inf])
def test_of_very_many_candidates_the_limit_is_left(candidates: float) -> None:
    """p e^r, or the tokens of the greatest reward among those that are possible; also for 1000 tokens."""
    random = np.random.default_rng(1)
    logits, rewards = 3 * random.normal(size=1000), random.normal(size=1000)
    found = kept("bradley_terry", logits, rewards, candidates)
    np.testing.assert_allclose(found, softmax(logits + rewards), rtol=1e-4)
    p = softmax(LOGITS)
    best = np.where(REWARDS["tied"] == 1.0, p, 0)
    np.testing.assert_allclose(kept("argmax", LOGITS, REWARDS["tied"], candidates), best / best.sum(), rtol=1e-6)


@pytest.mark.parametrize("how", CURATIONS)
def test_rare_tokens_keep_their_precision(how: str) -> None:
    """A token of probability 1e-30 is chosen as often as it should be: about K times, or with e^r more."""
    logits = np.array([0.0, np.log(1e-30)])
    found = kept(how, logits, np.array([0.0, 1.0]), 3)
    expected = 3e-30 * (np.e / (np.e + 2) if how == "bradley_terry" else 1)
    np.testing.assert_allclose(found[1], expected, rtol=1e-5)


@pytest.mark.parametrize("how", CURATIONS)
@pytest.mark.parametrize("candidates", [2, 1e9, np.inf])
def test_probabilities_below_the_range_of_floating_point_make_no_nan(how: str, candidates: float) -> None:
    """Logits down to −1e5, of which the likeliest or the unlikeliest are rewarded most."""
    logits = -np.geomspace(1e-3, 1e5, 40)
    for rewards in (logits, -logits, np.arange(40) % 2, np.arange(40) * 200):
        found = np.asarray(jax.jit(CURATIONS[how])(jnp.float32(logits), jnp.float32(rewards), jnp.float32(candidates)))
        assert not np.isnan(found).any()
        assert np.isfinite(found.max())


def test_what_a_verifier_lets_through() -> None:
    correct = jnp.array([True, False, True, True, False])
    p = softmax(LOGITS)

    def passed(true_rate: float, false_rate: float) -> np.ndarray:
        found = verified(jnp.float32(LOGITS), correct, jnp.float32(true_rate), jnp.float32(false_rate))
        return softmax(np.asarray(found, float))

    weights = p * np.where(correct, 0.9, 0.3)
    np.testing.assert_allclose(passed(0.9, 0.3), weights / weights.sum(), rtol=1e-6)
    np.testing.assert_allclose(passed(0.4, 0.4), p, rtol=1e-6)
    np.testing.assert_allclose(passed(0.5, 0.0), np.where(correct, p, 0) / p[np.array(correct)].sum(), rtol=1e-6)
    np.testing.assert_allclose(passed(0.0, 0.0), p, rtol=1e-6)


@pytest.mark.parametrize("how", CURATIONS)
@pytest.mark.parametrize(("rewards", "candidates"), [("distinct", 1), ("all tied", 3), ("all tied", np.inf)])
def test_curation_that_prefers_nothing_gives_back_the_same_bits(how: str, rewards: str, candidates: float) -> None:
    row = jnp.float32(LOGITS)
    found = jax.jit(CURATIONS[how])(row, jnp.float32(REWARDS[rewards]), jnp.float32(candidates))
    np.testing.assert_array_equal(found, row)


@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.0, 0.0), (0.3, 1.0)])
def test_a_verifier_that_prefers_nothing_gives_back_the_same_bits(rates: tuple[float, float]) -> None:
    """Equal rates, or nothing that is possible and wrong."""
    row, correct = jnp.float32(LOGITS), jnp.asarray(np.isfinite(LOGITS))
    np.testing.assert_array_equal(jax.jit(verified)(row, correct, *map(jnp.float32, rates)), row)
