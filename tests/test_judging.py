"""Whole traces that are kept: their exact law, by going through all that candidates can be."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse.process.one_by_one import OneByOne
from jaxcollapse.process.whole_traces import Judging
from jaxcollapse.training.rewards import Rates
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.persona import Persona
from jaxcollapse.walks.walk import Numbers, Walk
from tests.reference.traces import Trace, expected_counts, kept, law_of_counts, of_chain, of_personas
from tests.support.statistics import assert_counts, assert_mean

PERSONAS = np.array([[0.7, 0.3, 0.0], [0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
CHAIN = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.3, 0.3, 0.4]])
# In the row of the first persona 0.1 + 0.3 ties with 0.2 + 0.2.
REWARDS = np.array([[0.4, -0.9, 0.0], [0.1, 0.2, 0.3], [0.3, 0.0, 1.3], [0.5, 0.5, -0.7]])
CORRECT = np.array([[True, True, True], [True, False, True], [False, True, True], [True, True, False]])
MODELS: dict[str, tuple[Walk, np.ndarray, list[Trace], int, int]] = {
    "persona": (Persona(2), PERSONAS, list(of_personas(PERSONAS, 2)), 2, -1),
    "markov": (Markov(3), CHAIN, list(of_chain(CHAIN, 3, end=2)), 3, 2),
}
RATES = {"all": (1.0, 1.0), "some": (0.9, 0.2), "perfect": (1.0, 0.0), "blind": (0.4, 0.4)}


@partial(jax.jit, static_argnames=("walk", "curation", "at_once", "number", "needs"))
def _drawn(
    walk: Walk,
    curation: str,
    at_once: int,
    number: int,
    weights: jax.Array,
    rewards: jax.Array,
    correct: jax.Array,
    traces: jax.Array,
    numbers: Numbers,
    rates: Rates,
    candidates: jax.Array,
    needs: str = "all",
) -> jax.Array:
    traces_of = OneByOne.of(walk, numbers, walk.places(numbers), weights)
    judging = Judging(traces_of, curation, rewards, correct, needs, rates, at_once, candidates)
    keys = jnp.stack([jnp.full(number, 5, jnp.uint32), jnp.arange(number, dtype=jnp.uint32)], axis=1)
    return jax.vmap(judging.counts, in_axes=(0, None))(keys, traces)


def drawn(
    model: str,
    curation: str,
    candidates: int,
    rates: tuple[float, float] = (1.0, 1.0),
    *,
    traces: int = 1,
    number: int = 50_000,
    at_once: int = 1,
    length: int | None = None,
    end: int | None = None,
    correct: np.ndarray = CORRECT,
    walk: Walk | None = None,
    needs: str = "all",
) -> np.ndarray:
    """Counts [key, context, token] of so many kept traces with each of `number` keys."""
    usual, rows, _, usual_length, usual_end = MODELS[model]
    numbers = Numbers(jnp.int32(length or usual_length), jnp.int32(usual_end if end is None else end))
    tables = jnp.float32(rows), jnp.float32(REWARDS[: len(rows)]), jnp.asarray(correct[: len(rows)])
    chosen = numbers, Rates(jnp.float32(rates[0]), jnp.float32(rates[1])), jnp.int32(candidates)
    return np.asarray(_drawn(walk or usual, curation, at_once, number, *tables, jnp.int32(traces), *chosen, needs))


def _law(model: str, curation: str, candidates: int, rates: tuple[float, float]) -> np.ndarray:
    return kept(MODELS[model][2], curation, REWARDS, candidates, CORRECT, rates)


CASES = [(1, "all"), (2, "some"), (3, "all"), (3, "perfect")]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("curation", ["bradley_terry", "argmax"])
def test_what_is_kept_has_the_law_of_all_that_candidates_can_be(model: str, curation: str) -> None:
    """The best of 1, 2 or 3, and then a verifier: all tables of counts of one trace."""
    _, rows, traces, *_ = MODELS[model]
    for candidates, verifier in CASES:
        law = law_of_counts(traces, _law(model, curation, candidates, RATES[verifier]), rows.shape)
        counts = drawn(model, curation, candidates, RATES[verifier])
        found, how_often = np.unique(counts.reshape(len(counts), -1), axis=0, return_counts=True)
        tables = {tuple(row): often for row, often in zip(found.tolist(), how_often.tolist(), strict=True)}
        assert set(tables) <= {table for table, chance in law.items() if chance > 0}
        assert_counts(np.array([tables.get(key, 0) for key in law]), len(counts) * np.array(list(law.values())))


@pytest.mark.parametrize("needs", ["last", "any"])
@pytest.mark.parametrize("model", MODELS)
def test_one_token_may_make_a_trace_correct(model: str, needs: str) -> None:
    """The last one, or any, but for an end token."""
    _, rows, traces, _, end = MODELS[model]
    law = kept(traces, "none", REWARDS, 1, CORRECT, RATES["some"], needs, end)
    assert_mean(drawn(model, "none", 1, RATES["some"], needs=needs), expected_counts(traces, law, rows.shape))
    other = kept(traces, "none", REWARDS, 1, CORRECT, RATES["some"])
    assert abs(expected_counts(traces, law - other, rows.shape)).max() > 0.01


def test_the_laws_that_are_compared_differ() -> None:
    """By more than such a comparison sees: a chi-square of 50 000 samples is at least 500."""
    for model in MODELS:
        laws = [_law(model, how, k, RATES[r]) for how in ("bradley_terry", "argmax") for k, r in CASES[1:]]
        laws.append(_law(model, "none", 1, RATES["all"]))
        for place, one in enumerate(laws):
            for other in laws[:place]:
                assert 50_000 * ((one - other) ** 2 / np.maximum(other, 1e-3)).sum() > 500


@pytest.mark.parametrize("model", MODELS)
def test_one_candidate_and_a_blind_verifier_change_nothing(model: str) -> None:
    """K = 1 and TPR = FPR: each pair is as frequent as in all traces."""
    _, rows, traces, *_ = MODELS[model]
    plain = expected_counts(traces, np.array([trace.chance for trace in traces]), rows.shape)
    for curation in ("bradley_terry", "argmax"):
        for rates in (RATES["all"], RATES["blind"]):
            assert_mean(drawn(model, curation, 1, rates), plain)


def test_many_traces_are_independent() -> None:
    """Of 20 that a verifier has accepted the first tokens are multinomial: mean 20 q, variance 20 q (1 − q)."""
    counts = drawn("markov", "argmax", 2, RATES["some"], traces=20, number=20_000, at_once=16)[:, 0]
    _, rows, traces, *_ = MODELS["markov"]
    q = expected_counts(traces, _law("markov", "argmax", 2, RATES["some"]), rows.shape)[0]
    assert (counts.sum(axis=1) == 20).all()
    assert_mean(counts, 20 * q, variance=20 * q * (1 - q), resolves=0.02)
    assert_mean((counts - 20 * q) ** 2, 20 * q * (1 - q), resolves=0.05)


@pytest.mark.parametrize("verifier", ["all", "some"])
def test_how_many_traces_are_drawn_at_once_changes_no_bit(verifier: str) -> None:
    one, other = (
        drawn("markov", "argmax", 2, RATES[verifier], traces=20, number=200, at_once=size) for size in (1, 16)
    )
    np.testing.assert_array_equal(one, other)


def test_every_trace_is_counted_to_its_end() -> None:
    """N of them: N choices and N·L tokens, or N·L tokens if none ends a trace."""
    counts = drawn("persona", "argmax", 3, RATES["some"], traces=50, number=300, length=7)
    assert (counts[:, 0].sum(axis=-1) == 50).all()
    np.testing.assert_array_equal(counts[:, 1:].sum(axis=-1), 7 * counts[:, 0, :2])
    counts = drawn("markov", "bradley_terry", 3, RATES["some"], traces=50, number=300, length=9, end=-1)
    assert (counts.sum(axis=(1, 2)) == 50 * 9).all()
    ending = drawn("markov", "bradley_terry", 3, RATES["some"], traces=50, number=300, length=9)
    assert (ending[:, 3] == 0).all()
    assert (ending[:, 0].sum(axis=-1) == 50).all()
    assert (ending[:, :, 2].sum(axis=-1) <= 50).all()


def test_a_first_token_that_is_not_learned_is_judged_but_not_counted() -> None:
    learned = drawn("markov", "argmax", 2, RATES["some"], traces=20, number=200, at_once=16)
    fixed = drawn("markov", "argmax", 2, RATES["some"], traces=20, number=200, at_once=16, walk=Markov(3, "fixed"))
    assert (fixed[:, 0] == 0).all()
    np.testing.assert_array_equal(learned[:, 1:], fixed[:, 1:])


def test_a_verifier_that_accepts_nothing_gives_up() -> None:
    """After so many attempts whatever comes is kept, as if there were no verifier."""
    _, rows, traces, *_ = MODELS["markov"]
    plain = expected_counts(traces, np.array([trace.chance for trace in traces]), rows.shape)
    nothing = np.zeros_like(CORRECT)
    counts = drawn("markov", "argmax", 1, RATES["perfect"], traces=20, number=200, at_once=16, correct=nothing)
    assert (counts[:, 0].sum(axis=-1) == 20).all()
    assert_mean(counts / 20, plain)


def test_a_rare_token_is_kept_as_often_as_it_should_be() -> None:
    """150 tokens of probability 1e-8, each rewarded more than the others: in the best of 500 traces, one in 333."""
    tokens, rare, candidates, length, traces = 151, 1e-8, 500, 4, 30_000
    row = np.full(tokens, rare)
    row[0] = 1 - 150 * rare
    rows = np.zeros((2, tokens))
    rows[0, 0], rows[1] = 1, row
    rewards = np.zeros((2, tokens))
    rewards[1, 1:] = np.linspace(1, 2, tokens - 1)
    counts = _drawn(
        Persona(1),
        "argmax",
        256,
        1,
        jnp.float32(rows),
        jnp.float32(rewards),
        jnp.ones(rows.shape, bool),
        jnp.int32(traces),
        Numbers(jnp.int32(length), jnp.int32(-1)),
        Rates(jnp.float32(1), jnp.float32(1)),
        jnp.int32(candidates),
    )[0, 1]
    expected = traces * candidates * length * 150 * rare
    assert_mean(np.full((1, 1), counts[1:].sum()), expected, variance=expected)
    assert counts.sum() == traces * length
