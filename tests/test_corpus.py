"""What a model is trained on: this generation's samples, all so far, or the last few; and real data among them."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse.training.corpora.accumulate import Accumulate
from jaxcollapse.training.corpora.corpus import Corpus, Expected, Samples
from jaxcollapse.training.corpora.replace import Replace
from jaxcollapse.training.corpora.window import Window
from tests.reference.laws import softmax
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

INF = float("inf")
GENERATIONS, CONTEXTS, TOKENS = 9, 2, 4
RULES = [Replace(), Accumulate(), *map(Window, (1, 3, 20))]
SKEWED = np.array([0.4, 0.25, 0.2, 0.1, 0.04, 0.01])


def _kept(rule: Corpus, generation: int) -> slice:
    """Which generations, counted from 0, the corpus of this one consists of."""
    first = max(0, generation + 1 - int(rule.generations(generation + 1)))
    return slice(first, generation + 1)


def _grown(rule: Corpus, kind: Literal["counts", "logits"], start: jax.Array, added: jax.Array) -> np.ndarray:
    """The corpus after each generation: its counts, or logits where rows are visited once in a trace."""

    def samples(table: jax.Array) -> Samples:
        return table if kind == "counts" else Expected(table, jnp.ones(len(table), table.dtype))

    def generation(stored: Any, given: tuple[jax.Array, jax.Array]) -> tuple[Any, jax.Array]:
        number, new = given
        stored, whole = rule.add(stored, samples(new), number)
        return stored, whole.logits if isinstance(whole, Expected) else whole

    numbers = jnp.arange(len(added), dtype=jnp.int32)
    return np.asarray(jax.jit(lambda: jax.lax.scan(generation, rule.empty(samples(start)), (numbers, added)))()[1])


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_corpus_is_the_sum_of_the_generations_that_are_kept(rule: Corpus) -> None:
    """All so far, or exactly the last w: older ones leave no trace."""
    counts = np.random.default_rng(0).integers(0, 9, (GENERATIONS, CONTEXTS, TOKENS)).astype(np.int32)
    grown = _grown(rule, "counts", jnp.zeros((CONTEXTS, TOKENS), jnp.int32), jnp.asarray(counts))
    for generation in range(GENERATIONS):
        np.testing.assert_array_equal(grown[generation], counts[_kept(rule, generation)].sum(axis=0))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_infinitely_many_samples_are_mixed_generation_by_generation(rule: Corpus) -> None:
    """Every generation that is kept has the same weight, and the initial logits have none."""
    random = np.random.default_rng(1)
    logits = np.where(
        random.random((GENERATIONS, CONTEXTS, TOKENS)) < 0.2,
        -np.inf,
        3 * random.normal(size=(GENERATIONS, CONTEXTS, TOKENS)),
    )
    logits[..., 0] = 0.0
    start = jnp.full((CONTEXTS, TOKENS), 7.0).at[:, 1].set(-5.0)
    grown = _grown(rule, "logits", start, jnp.asarray(logits, jnp.float32))
    p = softmax(logits)
    for generation in range(GENERATIONS):
        expected = p[_kept(rule, generation)].mean(axis=0)
        np.testing.assert_allclose(softmax(grown[generation].astype(float)), expected, rtol=2e-6, atol=1e-12)
        np.testing.assert_array_equal(np.isneginf(grown[generation]), expected == 0)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_same_distribution_again_and_again_stays_the_same_bits(rule: Corpus) -> None:
    logits = np.random.default_rng(2).normal(size=(CONTEXTS, TOKENS)).astype(np.float32)
    logits[0, 1] = -np.inf
    grown = _grown(
        rule, "logits", jnp.asarray(logits), jnp.broadcast_to(jnp.asarray(logits), (GENERATIONS, CONTEXTS, TOKENS))
    )
    np.testing.assert_array_equal(grown, np.broadcast_to(logits, grown.shape))


@pytest.mark.parametrize(
    "process",
    [
        {"update": "refit", "samples": 30, "temperature": 0.9},
        {"update": "refit", "samples": INF, "temperature": 0.9},
        {"samples": 30, "batch_size": INF, "steps": 3, "temperature": 0.9},
        {"samples": 30, "batch_size": 12, "steps": 4},
    ],
    ids=str,
)
def test_a_window_of_one_generation_is_replacement_bit_for_bit(process: dict[str, Any]) -> None:
    data = run(
        {**process, "initial": values(SKEWED)},
        {"kept": {"zip": {"corpus": ["replace", "window"], "window": [1, 1]}}},
        generations=5,
        replicates=20,
        record={"every": 1, "logits": True},
        common_random_numbers=["kept"],
    )
    replaced, windowed = data.logits.values
    np.testing.assert_array_equal(replaced, windowed)
    assert (replaced[:, 0] != replaced[:, -1]).any()


def test_a_window_accumulates_until_it_is_full() -> None:
    """w = 7: the same as without a limit for seven generations, and not in the eighth."""
    data = run(
        {"update": "refit", "samples": 10, "initial": values(SKEWED)},
        {"kept": {"zip": {"corpus": ["accumulate", "window"], "window": [1, 7]}}},
        generations=8,
        replicates=50,
        record={"every": 1, "logits": True},
        common_random_numbers=["kept"],
    )
    everything, latest = data.logits.values
    np.testing.assert_array_equal(everything[:, :8], latest[:, :8])
    assert (everything[:, 8] != latest[:, 8]).any()


@pytest.mark.parametrize("corpus", ["replace", "accumulate"])
def test_real_data_alone_keep_the_expectation_for_ever(corpus: str) -> None:
    """m = 1: every generation is fitted to draws from p0 at T = 1, whatever T is; generations are independent."""
    samples = 10
    data = run(
        {"update": "refit", "initial": values(SKEWED), "temperature": 0.3, "fresh_fraction": 1.0, "corpus": corpus},
        {"samples": [samples, INF]},
        generations=30,
        replicates=8000,
        record={"every": 10, "logits": True},
        observables=["collision_probability"],
    )
    p = probabilities(data)
    np.testing.assert_allclose(p[1], np.broadcast_to(SKEWED, p[1].shape), rtol=1e-6)
    collision = SKEWED @ SKEWED
    for index, generation in enumerate(data.generation.values[1:], start=1):
        total = samples * (generation if corpus == "accumulate" else 1)
        variance = SKEWED * (1 - SKEWED) / total
        assert_mean(p[0, :, index], SKEWED, variance=variance)
        assert_mean((p[0, :, index] - SKEWED) ** 2, variance)
        f = data.collision_probability.values[0, :, index]
        assert_mean(f, 1 / total + (1 - 1 / total) * collision, resolves=0.02)
    before, after = p[0, :, -2] - SKEWED, p[0, :, -1] - SKEWED
    # Of 30 generations' samples those of 20 are the same if they accumulate, else of none.
    shared = SKEWED * (1 - SKEWED) / (samples * 30) if corpus == "accumulate" else np.zeros(len(SKEWED))
    assert_mean(before * after, shared)
