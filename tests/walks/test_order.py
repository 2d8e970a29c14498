"""Chains of higher order: the laws of their traces, by going through all texts, and what generations of them do."""

from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from scipy.sparse.csgraph import connected_components

import jaxcollapse as jc
from jaxcollapse.distributions import Distribution
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.walk import Numbers
from jaxcollapse.walks.windows import Windows
from tests.observables.structured import Case, log, measure
from tests.reference.laws import entropy, tempered
from tests.reference.traces import Trace, counts, expected_counts, is_correct, of_chain, reward, windows
from tests.support.chains import METHODS, each_engine, sampled
from tests.support.one_device import run, table
from tests.support.statistics import assert_counts, assert_mean
from tests.support.sweeps import probabilities

INF = float("inf")
SHAPES = [(2, 2), (2, 3), (3, 2)]  # tokens and order
each_shape = pytest.mark.parametrize(("tokens", "order"), SHAPES)
each_start = pytest.mark.parametrize("first_token", ["learned", "fixed"])


def rows_of(tokens: int, order: int, concentration: float = 0.8) -> np.ndarray:
    """Random rows of all windows, of which one token is impossible after one of them."""
    random = np.random.default_rng(10 * tokens + order)
    rows = random.dirichlet(np.full(tokens, concentration), len(windows(tokens, order)))
    rows[-2, 0] = 0
    return rows / rows.sum(axis=1, keepdims=True)


def padded(rows: np.ndarray, width: int = 16) -> np.ndarray:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))


@pytest.mark.parametrize(("tokens", "order"), [(1, 3), (2, 1), (2, 4), (3, 3), (5, 2)])
def test_the_next_window_is_the_last_tokens(tokens: int, order: int) -> None:
    known, layout = windows(tokens, order), Windows(tokens, order)
    assert layout.number == len(known) == Markov(tokens, order=order).contexts
    for row, window in enumerate(known):
        following = layout.following(jnp.full(tokens, row, jnp.int32), jnp.arange(tokens, dtype=jnp.int32))
        assert [known[place] for place in np.asarray(following)] == [(*window, x)[-order:] for x in range(tokens)]
    for length in range(1, order + 1):
        assert [window[-1] for window in known[layout.rows(length)]] == layout.last_tokens(length).tolist()


@each_engine
def test_the_table_of_counts_of_two_traces_has_its_exact_law(engine: str) -> None:
    """Two tokens, order 2, traces of four tokens, two of them: all 256 pairs of texts."""
    number, rows = 100_000, rows_of(2, 2)
    traces = list(of_chain(rows, 4, order=2))
    law: dict[tuple[int, ...], float] = {}
    for one, other in product(traces, repeat=2):
        key = tuple((counts(one, rows.shape) + counts(other, rows.shape)).ravel().tolist())
        law[key] = law.get(key, 0.0) + one.chance * other.chance
    found = sampled(Markov(2, order=2), engine, number, padded(rows), 2, 4)
    assert (found[..., 2:] == 0).all()
    drawn, how_often = np.unique(found[..., :2].reshape(number, -1), axis=0, return_counts=True)
    tables = {tuple(row): often for row, often in zip(drawn.tolist(), how_often.tolist(), strict=True)}
    assert {key for key in tables if law.get(key, 0) == 0} == set()
    assert_counts(np.array([tables.get(key, 0) for key in law]), number * np.array(list(law.values())))


def test_native_counts_are_those_of_xla() -> None:
    """Bit by bit, also with an end token, and with traces that are shorter than a window."""
    random = np.random.default_rng(7)
    for tokens, order, traces, length, end in (
        (2, 3, 1, 2, -1),
        (3, 2, 50, 6, 2),
        (4, 3, 1000, 9, -1),
        (4, 2, 9, 1, 0),
    ):
        rows = random.dirichlet(np.full(tokens, 0.5), len(windows(tokens, order)))
        one, other = (
            sampled(Markov(tokens, order=order), engine, 64, padded(rows), traces, length, end) for engine in METHODS
        )
        np.testing.assert_array_equal(one, other)
        assert one[:, 0].sum() == 64 * traces


@each_shape
@pytest.mark.parametrize(("length", "end"), [(1, -1), (2, -1), (2, 1), (5, -1), (5, 0), (6, 1)])
def test_mean_counts_are_sums_over_all_texts(tokens: int, order: int, length: int, end: int) -> None:
    """Visits, the law of a token, and the mean of sampled counts."""
    rows, walk = rows_of(tokens, order), Markov(tokens, order=order)
    traces = list(of_chain(rows, length, end, order))
    expected = expected_counts(traces, np.array([trace.chance for trace in traces]), rows.shape)
    logits, numbers = jnp.asarray(log(padded(rows))), Numbers(jnp.int32(length), jnp.int32(end))
    np.testing.assert_allclose(walk.visits(logits, numbers), expected.sum(axis=1), rtol=1e-5, atol=1e-30)
    found = np.exp(walk.marginal(logits, numbers))
    np.testing.assert_allclose(found[:tokens], expected.sum(axis=0) / expected.sum(), rtol=1e-5)
    assert (found[tokens:] == 0).all()
    drawn = sampled(walk, "native", 20_000, padded(rows), 5, length, end)[..., :tokens]
    assert_mean(drawn, 5 * expected)
    fixed = sampled(Markov(tokens, "fixed", order), "native", 100, padded(rows), 5, length, end)
    assert (fixed[:, 0] == 0).all()
    np.testing.assert_array_equal(fixed[:, 1:, :tokens], drawn[:100, 1:])
    without_first = Markov(tokens, "fixed", order).visits(logits, numbers)
    np.testing.assert_array_equal(without_first, walk.visits(logits, numbers).at[0].set(0))


@each_shape
@each_start
@pytest.mark.parametrize(("length", "end"), [(1, -1), (2, 1), (5, -1), (5, 1)])
def test_what_traces_earn_is_a_sum_over_all_texts(
    tokens: int, order: int, first_token: Any, length: int, end: int
) -> None:
    """The probability of a correct trace, and the mean score, of each prompt."""
    rows, walk = rows_of(tokens, order), Markov(tokens, first_token, order)
    random = np.random.default_rng(3)
    correct, scores = padded(random.random(rows.shape) < 0.6).astype(bool), padded(random.normal(size=rows.shape))
    traces = list(of_chain(rows, length, end, order))
    prompts: list[list[Trace]] = [traces]
    if first_token == "fixed":
        prompts = [[trace for trace in traces if trace.pairs[0][1] == token] for token in range(tokens)]
    mass = np.array([sum(trace.chance for trace in prompt) for prompt in prompts])
    logits, numbers = jnp.asarray(log(padded(rows))), Numbers(jnp.int32(length), jnp.int32(end))
    for needs in ("all", "last", "any"):
        weights, solved = walk.solved(logits, jnp.asarray(correct), needs, numbers)
        right = [sum(each.chance for each in some if is_correct(each, correct, needs, end)) for some in prompts]
        np.testing.assert_allclose(weights[: len(mass)], mass, rtol=1e-5)
        np.testing.assert_allclose(solved[: len(mass)], right / mass, rtol=2e-5, atol=1e-6)
    weights, found = walk.scored(logits, jnp.asarray(scores, jnp.float32), numbers)
    means = [sum(each.chance * reward(each, scores) for each in some) for some in prompts] / mass
    np.testing.assert_allclose(found[: len(mass)], means, rtol=2e-5, atol=1e-6)
    assert (weights[len(mass) :] == 0).all()


@each_shape
@pytest.mark.parametrize("end", [-1, 1])
def test_texts_have_the_law_of_the_chain(tokens: int, order: int, end: int) -> None:
    number, length, rows = 50_000, 4, rows_of(tokens, order)
    traces = list(of_chain(rows, length, end, order))
    law = {tuple(token for _, token in trace.pairs): trace.chance for trace in traces}
    key = jnp.asarray([3, 4], jnp.uint32)
    walk, numbers = Markov(tokens, order=order), Numbers(jnp.int32(length), jnp.int32(end))
    found = np.asarray(walk.traces(key, jnp.asarray(log(padded(rows))), number, length, numbers))
    texts = [tuple(token for token in text if token >= 0) for text in found.tolist()]
    assert set(texts) <= {text for text, chance in law.items() if chance > 0}
    assert_counts(np.array([texts.count(text) for text in law]), number * np.array(list(law.values())))


@each_shape
@pytest.mark.parametrize("end", [-1, 0])
def test_traces_begin_as_the_chain_goes_on(tokens: int, order: int, end: int) -> None:
    """Without an end, the last tokens of traces of any length have one law; an end token is not in the first ones."""
    rows = np.random.default_rng(5).dirichlet(np.full(tokens, 0.7), tokens**order)
    walk = Markov(tokens, order=order)
    whole = walk.start(Distribution(np.log(rows)), end)
    np.testing.assert_array_equal(whole[-len(rows) :], np.log(rows))
    p = special.softmax(whole, axis=1)

    def law(length: int) -> dict[tuple[int, ...], float]:
        found: dict[tuple[int, ...], float] = {}
        for trace in of_chain(p, length, end, order):
            text = tuple(token for _, token in trace.pairs)[-order:]
            found[text] = found.get(text, 0.0) + trace.chance
        return found

    first = law(order)
    if end >= 0:
        assert all(chance == 0 for text, chance in first.items() if end in text)
        return
    for length in (order + 1, order + 3):
        later = law(length)
        np.testing.assert_allclose([later[text] for text in first], list(first.values()), rtol=1e-10)


def test_a_chain_that_looks_one_token_back_is_of_order_1() -> None:
    """Its visits, its law of a token and its trajectories' means are those of the chain of order 1."""
    chain = np.random.default_rng(6).dirichlet(np.full(3, 0.9), 4)
    longer = np.concatenate([chain, chain[1:], chain[1:], chain[1:]])
    numbers = Numbers(jnp.int32(7), jnp.int32(-1))
    one, two = (
        walk.visits(jnp.asarray(log(padded(rows, 3))), numbers)
        for walk, rows in ((Markov(3), chain), (Markov(3, order=2), longer))
    )
    np.testing.assert_allclose(np.reshape(two[4:], (3, 3)).sum(axis=0) + two[1:4], one[1:], rtol=1e-6)
    laws = [
        np.asarray(walk.marginal(jnp.asarray(log(rows)), numbers))
        for walk, rows in ((Markov(3), chain), (Markov(3, order=2), longer))
    ]
    np.testing.assert_allclose(laws[0], laws[1], rtol=1e-5)


def _chain(rows: np.ndarray, tokens: int, order: int) -> np.ndarray:
    """The chain over all windows but the empty one."""
    known = windows(tokens, order)
    made = np.zeros((len(known), len(known)))
    for row, window in enumerate(known):
        for token in range(tokens):
            made[row, known.index((*window, token)[-order:])] += rows[row, token]
    return made[1:, 1:]


@each_shape
def test_the_stationary_law_is_that_of_linear_algebra(tokens: int, order: int) -> None:
    """Its entropy and the entropy rate; and the number of closed classes of windows."""
    random, cases, expected = np.random.default_rng(4), [], []
    for number in range(12):
        rows = random.dirichlet(np.full(tokens, 0.9), len(windows(tokens, order)))
        if number >= 6:  # sparse
            rows = rows * (rows >= np.sort(rows, axis=1)[:, [-1 if number < 10 else -2]])
            rows /= rows.sum(axis=1, keepdims=True)
        chain = _chain(rows, tokens, order)
        first = np.zeros(len(chain))
        first[:tokens] = rows[0]
        here, law = first @ np.linalg.matrix_power(chain, 4000), np.zeros(len(chain))
        for _ in range(840):  # a multiple of all periods that so few windows have
            law, here = law + here / 840, here @ chain
        reach = np.linalg.matrix_power(np.eye(len(chain)) + (chain > 0), len(chain)) > 0
        _, label = connected_components(chain > 0, connection="strong")
        reached = (first @ reach) > 0
        closed = {label[state] for state in np.flatnonzero(reached) if reach.T[state][reach[state]].all()}
        rate = sum(weight * entropy(row) for weight, row in zip(law, rows[1:], strict=True))
        expected.append((entropy(law / law.sum()), rate, len(closed)))
        cases.append(Case(log(rows), log(rows), log(rows), np.ones(len(rows), bool)))
    found = measure(Markov(tokens, order=order), cases, 16, ("chain",))
    entropies, rates, classes = map(np.array, zip(*expected, strict=True))
    np.testing.assert_allclose(found["stationary_entropy"], entropies, atol=1e-5)
    np.testing.assert_allclose(found["entropy_rate"], rates, atol=1e-5)
    np.testing.assert_array_equal(found["recurrent_classes"], classes)
    assert classes.min() == 1


def test_an_endless_text_starts_again_after_an_end() -> None:
    """The mean entropy of the next token over the windows of traces, one after the other."""
    tokens, order, end, rows = 3, 2, 1, rows_of(3, 2)
    rows[:, end] += 0.2  # traces of a hundred tokens hardly ever last
    rows /= rows.sum(axis=1, keepdims=True)
    visits = np.asarray(
        Markov(tokens, order=order).visits(jnp.asarray(log(rows)), Numbers(jnp.int32(400), jnp.int32(end)))
    )
    expected = sum(weight * entropy(row) for weight, row in zip(visits, rows, strict=True)) / visits.sum()
    case = Case(log(rows), log(rows), log(rows), np.ones(len(rows), bool), end_token=end)
    found = measure(Markov(tokens, order=order), [case], 16, ("chain",))["entropy_rate"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def _process(rows: np.ndarray, order: int, **keys: Any) -> dict[str, Any]:
    return {"model": "markov", "order": order, "initial": table(rows), "trace_length": 6, **keys}


def test_ideal_refits_raise_every_row_to_a_power() -> None:
    """N = ∞: rows ∝ p0^{T^−g} where traces come; others, and all at T = 1, do not move."""
    rows = rows_of(2, 2)
    data = run(
        _process(rows, 2, update="refit", samples=INF), {"temperature": [0.8, 1.0, 1.25]}, generations=4, replicates=1
    ).isel(replicate=0)
    for place, temperature in enumerate((0.8, 1.0, 1.25)):
        found = probabilities(data.isel(temperature=place))
        for g, row in product(range(5), range(len(rows))):
            np.testing.assert_allclose(found[g, row], tempered(rows[row], temperature**g), rtol=1e-5, atol=1e-12)


def test_a_refit_is_the_counts_of_its_n_grams() -> None:
    """One trace: its rows are counts of what follows each window in one text, which is found among all texts."""
    rows, length = rows_of(2, 2), 6
    data = run(_process(rows, 2, update="refit", samples=1), generations=1, replicates=40)
    found = probabilities(data.isel(generation=1))
    fits = {}
    for trace in of_chain(rows, length, order=2):
        number = counts(trace, rows.shape)
        drawn = number.sum(axis=1, keepdims=True)
        fits[tuple(token for _, token in trace.pairs)] = np.where(drawn > 0, number / np.maximum(drawn, 1), rows)
    distances = np.array([[np.abs(each - fit).max() for fit in fits.values()] for each in found])
    assert (distances.min(axis=1) < 1e-6).all()
    assert len(set(distances.argmin(axis=1))) > 10


def test_gradient_steps_follow_the_expected_counts() -> None:
    """B = ∞: z ← z + η (E n_cx − E n_c p_cx) / E n at temperature T."""
    rows, rate, temperature = rows_of(3, 2), 0.7, 0.8
    keys = {"learning_rate": rate, "batch_size": INF, "samples": INF, "temperature": temperature}
    data = run(_process(rows, 2, **keys), generations=1, replicates=1).isel(replicate=0)
    with np.errstate(divide="ignore"):
        cooled = special.softmax(np.log(rows) / temperature, axis=1)
    traces = list(of_chain(cooled, 6, order=2))
    mean = expected_counts(traces, np.array([trace.chance for trace in traces]), rows.shape)
    step = rate * (mean - mean.sum(axis=1, keepdims=True) * rows) / mean.sum()
    logits = data.logits.values.astype(float)
    possible = rows > 0
    np.testing.assert_allclose(logits[1][possible] - logits[0][possible], step[possible], atol=2e-6)


WAYS: dict[str, dict[str, Any]] = {
    "low rank": {"parameters": "lowrank", "rank": 3},
    "network": {"parameters": "mlp", "hidden_size": 32},
    "policy gradient": {"update": "policy_gradient", "batch_size": 8, "group_size": 4, "reward": "coin"},
    "verifier": {"update": "refit", "samples": 20, "false_positive_rate": 0.2, "correct_trace": "last"},
    "real data": {"batch_size": 4, "fresh_fraction": 0.5, "first_token": "fixed", "end_token": " "},
    "corpus": {"batch_size": 4, "samples": 8, "corpus": "accumulate", "optimizer": "adam"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_text_is_trained_on_in_any_way(way: str, tmp_path: Any) -> None:
    """However work is cut; parameters of enough rank fit p0; rows that no trace of a free table visits stay."""
    (tmp_path / "p0.txt").write_text("abracadabra, a cab; abba had a bad car. " * 3)
    initial = {"kind": "text", "path": str(tmp_path / "p0.txt"), "top": 2}
    process = {"model": "markov", "order": 2, "trace_length": 8, "initial": initial, **WAYS[way]}
    names = ["excess_log_loss", "distinct_2", "unvisited_drift"]
    whole, cut = (
        run(process, generations=2, replicates=3, observables=names, **size) for size in ({}, {"chunk_size": 1})
    )
    for name in ("logits", *names):
        np.testing.assert_array_equal(whole[name], cut[name])
    assert (whole.status == 1).all()
    assert whole.context.values.tolist()[:6] == ["(start)", "a", " ", "(other)", "a a", "a  "]
    logits = whole.logits.values
    assert (logits[:, 2] != logits[:, 0]).any()
    if "parameters" in WAYS[way]:
        assert float(whole.excess_log_loss[0, 0]) < 0.02
    else:
        assert float(whole.excess_log_loss[0, 0]) == 0
        assert whole.unvisited_drift.fillna(0).max() == 0


def test_order_1_is_the_default_of_a_cell() -> None:
    process = {"model": "markov", "vocab_size": 3}
    cells = [jc.plan(jc.Sweep.from_dict({"process": {**process, **more}})).identities for more in ({}, {"order": 1})]
    np.testing.assert_array_equal(*cells)


def test_rows_of_p0_are_those_of_windows() -> None:
    """Rows that are drawn or shifted, one for each window; a table has those of the longest windows, or of all."""
    data = run(
        {"model": "markov", "vocab_size": 3, "trace_length": 4, "initial": {"kind": "dirichlet"}},
        {"order": [1, 2]}, generations=0, replicates=2,
    )  # fmt: skip
    drawn = data.logits.isel(order=1, generation=0).values
    assert len(np.unique(np.round(drawn.reshape(-1, 3), 5), axis=0)) == 2 * 13
    shifted = run(
        {"model": "markov", "order": 2, "vocab_size": 3, "initial": {"kind": "zipf"}}, generations=0, replicates=1
    )
    p = probabilities(shifted.isel(replicate=0, generation=0))
    assert p[4:].argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    rows = rows_of(2, 2)
    given, begun = (
        probabilities(run(_process(each, 2), generations=0, replicates=1))[0, 0] for each in (rows, rows[3:])
    )
    np.testing.assert_allclose(given, rows, rtol=1e-6)
    np.testing.assert_allclose(begun[3:], rows[3:], rtol=1e-6)


@pytest.mark.parametrize(
    ("process", "told"),
    [
        ({"order": 3, "vocab_size": 100}, "process.order: order = 3 with 100 tokens makes 1010101 rows"),
        ({"order": 13, "vocab_size": 2}, "must be a whole number from 1 to 12"),
        ({"order": 0}, "must be a whole number from 1 to 12"),
        ({"order": 2, "initial": {"kind": "words"}, "vocab_size": 9}, "'words' has one row per language"),
        ({"order": 2, "initial": table(np.ones((3, 2)))}, "has 3 rows for 2 tokens; it needs 2^2 rows, one for each"),
        ({"order": 2, "model": "persona"}, "has no effect: it is used with model = 'markov'"),
    ],
)
def test_what_makes_no_chain_is_refused(process: dict[str, Any], told: str) -> None:
    with pytest.raises(jc.InputError) as caught:
        jc.plan({"process": {"model": "markov", **process}})
    assert told in str(caught.value)
