"""Chains: counts of one generation against their exact law, and what generations of them do where nothing is random."""

from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jaxcollapse.distributions import Distribution
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.stationary import stationary
from jaxcollapse.walks.walk import Numbers
from tests.observables.exact_structure import marginal, visits
from tests.reference.laws import tempered
from tests.support.chains import METHODS, each_engine, sampled
from tests.support.one_device import run, table
from tests.support.statistics import assert_counts, assert_mean
from tests.support.sweeps import probabilities

INF = float("inf")
FEW = np.array([[0.6, 0.4], [0.3, 0.7], [0.85, 0.15]])  # two tokens: the first one's row, and the chain
CHAIN = np.random.default_rng(6).dirichlet(np.full(4, 0.9), 5)


def _law_of_counts(rows: np.ndarray, traces: int, length: int) -> dict[tuple[int, ...], float]:
    """The probability of each table of counts, by going through all that so many traces can be."""
    law: dict[tuple[int, ...], float] = {}
    for texts in product(product(range(rows.shape[1]), repeat=length), repeat=traces):
        counts, chance = np.zeros(rows.shape, int), 1.0
        for text in texts:
            for context, token in zip((0, *(1 + token for token in text)), text, strict=False):
                counts[context, token] += 1
                chance *= rows[context, token]
        law[tuple(counts.ravel())] = law.get(tuple(counts.ravel()), 0.0) + chance
    return law


@each_engine
def test_the_table_of_counts_has_its_exact_law(engine: str) -> None:
    """Two tokens, traces of three, two of them: all 64 pairs of texts."""
    number, law = 100_000, _law_of_counts(FEW, 2, 3)
    counts = sampled(Markov(2), engine, number, FEW, 2, 3).reshape(number, -1)
    found, how_often = np.unique(counts, axis=0, return_counts=True)
    tables = {tuple(row): often for row, often in zip(found.tolist(), how_often.tolist(), strict=True)}
    assert set(tables) <= set(law)
    assert_counts(np.array([tables.get(key, 0) for key in law]), number * np.array(list(law.values())))


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """50 traces of 6 tokens over 4, with 40 000 keys."""
    return sampled(Markov(4), "native", 40_000, CHAIN, 50, 6).astype(float)


def test_counts_are_martingales(many: np.ndarray) -> None:
    """E[k − n p] = 0, E[(k − n p)²] = p (1 − p) E n, E n as powers of the chain say; rows are uncorrelated."""
    drawn = many.sum(axis=-1)
    excess = many - drawn[..., None] * CHAIN
    expected = 50 * visits(Markov(4), np.log(CHAIN), 6, -1)
    assert_mean(drawn[:, 1:], expected[1:], resolves=0.02)
    assert (drawn[:, 0] == 50).all()
    assert_mean(excess, np.zeros(CHAIN.shape))
    assert_mean(excess**2, CHAIN * (1 - CHAIN) * expected[:, None], resolves=0.08)
    for one, other in product(range(5), repeat=2):
        if one < other:
            assert_mean(excess[:, one, :, None] * excess[:, other, None, :], np.zeros((4, 4)))


def test_a_trace_goes_on_from_where_it_is(many: np.ndarray) -> None:
    """Each place but the last one is a step from a token that was drawn before."""
    arrived, left = many.sum(axis=1), many[:, 1:].sum(axis=2)
    last = arrived - left
    assert (last >= 0).all()
    np.testing.assert_array_equal(last.sum(axis=1), 50)
    law = CHAIN[0] @ np.linalg.matrix_power(CHAIN[1:], 5)
    assert_mean(last, 50 * law, resolves=0.05)


def test_native_counts_are_those_of_xla() -> None:
    """Bit by bit, also with padding, an end token, and rows that some traces never visit."""
    random = np.random.default_rng(7)
    for tokens, traces, length, end in ((2, 1, 1, -1), (4, 50, 6, 2), (9, 1000, 4, -1), (9, 100_000, 40, 8)):
        rows = random.dirichlet(np.full(tokens, 0.5), tokens + 1)
        rows[rows < 0.02] = 0
        padded = np.zeros((17, 16))
        padded[: tokens + 1, :tokens], padded[tokens + 1 :, 0] = rows, 1
        one, other = (sampled(Markov(16), engine, 128, padded, traces, length, end) for engine in METHODS)
        np.testing.assert_array_equal(one, other)
        assert one[:, 0].sum() == 128 * traces
        assert one[:, tokens + 1 :].sum() == 0


def test_a_first_token_that_is_not_learned_is_not_counted() -> None:
    learned, fixed = (sampled(Markov(4, kind), "native", 500, CHAIN, 50, 6) for kind in ("learned", "fixed"))
    assert (learned[:, 0].sum(axis=-1) == 50).all()
    assert (fixed[:, 0] == 0).all()
    np.testing.assert_array_equal(learned[:, 1:], fixed[:, 1:])


def test_lengths_are_geometric_if_every_token_ends_with_the_same_chance() -> None:
    """P(length ≥ l) = (1 − q)^{l−1}, cut at the length of a trace; and as powers of the chain say if it varies."""
    number, length, end = 60_000, 7, 3
    same = CHAIN.copy()
    same[:, end] = 0.3 * (1 - same[:, end]) / 0.7
    same /= same.sum(axis=1, keepdims=True)
    for rows, geometric in ((same, True), (CHAIN, False)):
        lengths = sampled(Markov(4), "native", number, rows, 1, length, end).sum(axis=(1, 2))
        alive = rows.copy()
        alive[:, end] = 0
        lasting = [float((alive[0] @ np.linalg.matrix_power(alive[1:], place)).sum()) for place in range(length - 1)]
        if geometric:
            np.testing.assert_allclose(lasting, 0.7 ** np.arange(1, length), rtol=1e-12)
        at_least = np.array([1.0, *lasting, 0.0])
        assert_counts(np.bincount(lengths, minlength=length + 1)[1:], number * -np.diff(at_least))


@pytest.mark.parametrize("first_token", ["learned", "fixed"])
def test_visits_and_marginals_are_powers_of_the_chain(first_token: Any) -> None:
    for tokens, length, end in ((2, 1, -1), (4, 2, -1), (4, 9, 1), (6, 30, 5), (6, 1, 0)):
        logits = np.float32(np.random.default_rng(tokens).normal(size=(tokens + 1, tokens)))
        logits[1, 1] = -np.inf
        walk, numbers = Markov(tokens, first_token), Numbers(jnp.int32(length), jnp.int32(end))
        exact = logits.astype(float), length, end
        np.testing.assert_allclose(
            walk.visits(jnp.asarray(logits), numbers), visits(walk, *exact), rtol=3e-6, atol=1e-7
        )
        found = np.exp(walk.marginal(jnp.asarray(logits), numbers))
        np.testing.assert_allclose(found, marginal(walk, *exact), rtol=3e-6, atol=1e-7)
        assert int(walk.pairs(numbers)) == length - (first_token == "fixed")


@pytest.mark.parametrize("end_token", [-1, 0, 4])
def test_the_first_token_has_the_stationary_law(end_token: int) -> None:
    """Of the chain, in which any token but the end follows an end token; that one never is the first."""
    random = np.random.default_rng(8)
    for _ in range(5):
        chain = random.dirichlet(np.full(5, 0.4), 5)
        started = Markov(5).start(Distribution(np.log(chain)), end_token)
        np.testing.assert_array_equal(started[1:], np.log(chain))
        again = chain.copy()
        if end_token >= 0:
            again[end_token] = (np.arange(5) != end_token) / 4
        law = np.linalg.lstsq(np.vstack([again.T - np.eye(5), np.ones(5)]), np.eye(6)[5], rcond=None)[0]
        law = np.where(np.arange(5) == end_token, 0, law)
        np.testing.assert_allclose(special.softmax(started[0]), law / law.sum(), rtol=1e-10, atol=1e-15)


def test_the_stationary_law_of_a_long_chain_is_right_to_its_last_digits() -> None:
    """Of a walk up and down, whose law is a product of ratios, over ten orders of magnitude; in blocks of states."""
    random = np.random.default_rng(8)
    up, down = random.uniform(0.1, 0.3, 200), random.uniform(0.1, 0.35, 200)
    chain = np.diag(up[:-1], 1) + np.diag(down[1:], -1)
    chain += np.diag(1 - chain.sum(axis=1))
    law = np.cumprod([1, *(up[:-1] / down[1:])])
    assert 1e10 < law.max() / law.min() < 1e15
    np.testing.assert_allclose(stationary(chain), law / law.sum(), rtol=1e-12)


def test_a_law_of_the_first_token_that_is_given_is_kept() -> None:
    given = Distribution(np.log(np.random.default_rng(9).dirichlet(np.ones(3), 4)))
    np.testing.assert_array_equal(Markov(3).start(given, -1), given.logits)


ROWS = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0, 0], [0.05, 0.9, 0.05, 0], [0.3, 0.3, 0.4, 0], [0, 0, 0.2, 0.8]])


@pytest.fixture(scope="module")
def ideal() -> dict[str, Any]:
    """N = ∞, from rows of which the last is visited only by traces that begin with its token."""
    common = {"model": "markov", "update": "refit", "samples": INF, "initial": table(ROWS), "trace_length": 5}
    axes = {"first_token": ["learned", "fixed"], "temperature": [0.8, 1.0, 1.25]}
    return {"found": run(common, axes, generations=6, replicates=1).isel(replicate=0)}


@pytest.mark.parametrize("temperature", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("first_token", ["learned", "fixed"])
def test_ideal_refits_raise_every_row_to_a_power(ideal: dict[str, Any], first_token: str, temperature: float) -> None:
    """Rows ∝ p0^{T^−g}; a first token that is not learned does not move by one bit."""
    data = ideal["found"].sel(first_token=first_token, temperature=temperature)
    found, logits = probabilities(data), data.logits.values
    for g in range(7):
        for row, start in enumerate(ROWS):
            if (row == 0 and first_token == "fixed") or temperature == 1:
                np.testing.assert_array_equal(logits[g, row], logits[0, row])
            else:
                np.testing.assert_allclose(found[g, row], tempered(start, temperature**g), rtol=1e-5, atol=1e-12)


def test_rows_that_no_trace_visits_keep_what_they_had() -> None:
    """Neither refits nor gradient steps of a free table move them; and where no trace ends, no end row is visited."""
    rows = ROWS.copy()
    rows[0, 3] = 0
    rows[0] /= rows[0].sum()
    common = {"model": "markov", "initial": table(rows), "temperature": 0.7, "trace_length": 4}
    batch = {"batch_size": INF, "optimizer": "momentum", "steps": 2}
    axes = {"update": ["refit", "gradient"], "samples": [INF, 12]}
    logits = run({**common, **batch}, axes, generations=3, replicates=8).logits.values
    never, visited = logits[..., 4, :], logits[..., 2, :]
    np.testing.assert_array_equal(never, np.broadcast_to(never[..., :1, :], never.shape))
    assert (visited[:, :, :, -1] != visited[:, :, :, 0]).any(axis=-1).mean(axis=-1).min() > 0.4
