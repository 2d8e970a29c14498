"""Texts: the law that traces are drawn from, and what is measured of them, by plain loops over the same texts."""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.observables.registry import OF_TEXTS
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.persona import Persona
from jaxcollapse.walks.walk import Numbers
from tests.observables.structured import Case, Several, log, markov_cases, measure, persona_cases
from tests.support.engines import hurried_jit
from tests.support.statistics import assert_counts

WALKS: dict[str, tuple[Several, Callable[[], dict[str, Case]]]] = {
    "persona": (Persona(3), persona_cases),
    "markov": (Markov(8), markov_cases),
}
NUMBER, LENGTH = 40_000, 5
Text = list[int]


def _grams(text: Text, size: int) -> list[tuple[int, ...]]:
    return [tuple(text[place : place + size]) for place in range(len(text) - size + 1)]


def _distinct(texts: list[Text], size: int) -> float:
    grams = [gram for text in texts for gram in _grams(text, size)]
    return len(set(grams)) / len(grams) if grams else np.nan


def _longest_repeat(text: Text) -> int:
    longest = (size for size in range(len(text) - 1, 0, -1) if len(set(_grams(text, size))) < len(text) - size + 1)
    return next(longest, 0)


def _self_overlap(texts: list[Text]) -> float:
    """Share of the bigrams of one text that are in another, over all pairs of which the one has any."""
    bigrams = [_grams(text, 2) for text in texts]
    shares = [
        sum(gram in other for gram in one) / len(one)
        for place, one in enumerate(bigrams)
        for index, other in enumerate(bigrams)
        if place != index and one
    ]
    return float(np.mean(shares)) if shares else np.nan


LOOPS: dict[str, Callable[[list[Text]], float]] = {
    "distinct_1": lambda texts: _distinct(texts, 1),
    "distinct_2": lambda texts: _distinct(texts, 2),
    "longest_repeat": lambda texts: float(np.mean([_longest_repeat(text) for text in texts])),
    "self_overlap": _self_overlap,
}


@cache
def _found(name: str) -> dict[str, np.ndarray]:
    walk, cases = WALKS[name]
    return measure(walk, list(cases().values()), 8, ("texts",))


def _texts(sampled: np.ndarray) -> list[Text]:
    return [[token for token in text if token >= 0] for text in sampled.tolist()]


def test_every_observable_of_any_texts_has_a_loop_here() -> None:
    """Those of networks alone are in `test_written.py`."""
    assert set(LOOPS) == {entry.name for entry in OBSERVABLES.values() if entry.models == OF_TEXTS}


@pytest.mark.parametrize("observable", LOOPS)
@pytest.mark.parametrize("name", WALKS)
def test_texts_are_measured_as_loops_over_them_do(name: str, observable: str) -> None:
    found = _found(name)
    expected = [LOOPS[observable](_texts(sampled)) for sampled in found["sampled"]]
    np.testing.assert_allclose(found[observable], expected, rtol=1e-5)
    assert len(set(expected)) > 2  # the texts differ


def test_a_text_goes_on_until_its_end_token() -> None:
    """Nothing is after an end token, and before it no token is missing; without one every text has all 32 tokens."""
    cases, lengths = markov_cases(), set()
    for sampled, case in zip(_found("markov")["sampled"], cases.values(), strict=True):
        assert sampled.shape == (16, 32)
        for text in sampled.tolist():
            end = text.index(case.end_token) + 1 if case.end_token in text and case.end_token >= 0 else 32
            assert min(text[:end]) >= 0
            assert set(text[end:]) <= {-1}
            lengths.add(end)
    assert {1, 32} < lengths
    assert (_found("persona")["sampled"] >= 0).all()


@partial(hurried_jit, static_argnames="walk")
def _traces(walk: Several, table: jax.Array, end_token: jax.Array) -> jax.Array:
    return walk.traces(jnp.array([3, 4], jnp.uint32), table, NUMBER, LENGTH, Numbers(jnp.int32(9), end_token))


def _table(contexts: int) -> np.ndarray:
    return log(np.random.default_rng(contexts).dirichlet(np.full(4, 0.8), contexts))


@pytest.mark.parametrize("end_token", [-1, 2])
def test_traces_of_a_chain_have_its_law(end_token: int) -> None:
    """At each place that of the chain's powers, and of two places together; −1 is where a trace has ended."""
    table = _table(5)
    traces = np.asarray(_traces(Markov(4), jnp.asarray(table), jnp.int32(end_token)))
    first, chain = special.softmax(table[0].astype(float)), np.zeros((5, 5))
    chain[:4, :4], chain[4, 4] = special.softmax(table[1:].astype(float), axis=1), 1
    if end_token >= 0:
        chain[end_token] = np.eye(5)[4]
    first = np.append(first, 0)
    for place in range(LENGTH):
        law = first @ np.linalg.matrix_power(chain, place)
        assert_counts(np.bincount(traces[:, place] % 5, minlength=5), NUMBER * law)
        for later in range(place + 1, LENGTH):
            pairs = np.bincount(5 * (traces[:, place] % 5) + traces[:, later] % 5, minlength=25)
            joint = law[:, None] * np.linalg.matrix_power(chain, later - place)
            assert_counts(pairs, NUMBER * joint)


def test_traces_of_personas_have_one_each() -> None:
    """The law of any two tokens is the mixture of products, not the product of mixtures."""
    table = log([[0.5, 0.3, 0.2, 0], [0.7, 0.1, 0.1, 0.1], [0, 0.05, 0.9, 0.05], [0.2, 0.5, 0, 0.3]])
    traces = np.asarray(_traces(Persona(3), jnp.asarray(table), jnp.int32(-1)))
    mass = special.softmax(table[0].astype(float))[:3]
    rows = special.softmax(table[1:].astype(float), axis=1)
    joint = np.einsum("k,kx,ky->xy", mass, rows, rows)
    apart = np.outer(mass @ rows, mass @ rows)
    assert np.abs(joint - apart).max() > 0.05
    for place in range(1, LENGTH):
        assert_counts(np.bincount(4 * traces[:, 0] + traces[:, place], minlength=16), NUMBER * joint)
        assert_counts(np.bincount(4 * traces[:, place - 1] + traces[:, place], minlength=16), NUMBER * joint)
