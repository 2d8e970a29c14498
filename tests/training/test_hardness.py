"""Prompts of their own hardness: p0 is re-weighted exactly, hardness has its law, and each learns at its own speed."""

from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from jaxcollapse.errors import InputError
from jaxcollapse.process import emission, hardness
from jaxcollapse.program import kernel
from jaxcollapse.theory import policy_gradient_flow, policy_gradient_step
from tests.support.one_device import every, run, table
from tests.support.statistics import SIGMAS, assert_mean
from tests.support.sweeps import probabilities, values

INF = float("inf")
P0 = np.array([0.4, 0.3, 0.2, 0.1])
ROWS = np.array([P0, [0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]])
SETS = [[0, 3], [1], [2, 3]]
IS_RIGHT = np.array([[token in row for token in range(4)] for row in SETS])
LISTED: dict[str, Any] = {"correct": "listed", "correct_tokens": [0, 3]}
START: dict[str, Any] = {"generations": 0, "replicates": 2, "observables": ["correct", "kl_from_initial"]}
PROMPTS: dict[str, Any] = {
    "model": "persona",
    "chooser": "fixed",
    "initial": table(ROWS),
    "trace_length": 1,
    "correct": "listed",
    "correct_tokens": SETS,
}
MANY: dict[str, Any] = {
    "model": "persona",
    "chooser": "fixed",
    "personas": 50,
    "vocab_size": 3,
    "trace_length": 1,
    **LISTED,
    "correct_tokens": [0],
}


def shares(p: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
    """What right tokens are among the right ones, and wrong ones among the wrong."""
    return [np.where(each, p, 0) / np.where(each, p, 0).sum(axis=-1, keepdims=True) for each in (right, ~right)]


@pytest.mark.parametrize(("correct", "right"), [("listed", [0, 3]), ("head", [0]), ("tail", [2, 3]), ("random", None)])
def test_a_row_has_the_wanted_accuracy_and_keeps_its_proportions(correct: str, right: list[int] | None) -> None:
    size = LISTED if correct == "listed" else {"correct": correct, "correct_share": 0.3}
    data = run({"initial": values(P0), **size}, {"initial_accuracy": [1e-6, 0.03, 0.5, 0.999]}, **START)
    np.testing.assert_allclose(data.accuracy[:, 0, 0], data.initial_accuracy, rtol=2e-6)
    np.testing.assert_allclose(data.accuracy[:, 1, 0], data.initial_accuracy, rtol=2e-6)
    np.testing.assert_array_equal(data.kl_from_initial, 0)
    if right is None:  # one token, another for each trajectory of each cell
        np.testing.assert_array_equal(data.correct_support, 1)
        return
    rows, is_right = probabilities(data)[:, 0, 0], np.isin(np.arange(4), right)
    for found, expected in zip(shares(rows, is_right), shares(P0, is_right), strict=True):
        np.testing.assert_allclose(found, np.broadcast_to(expected, rows.shape), rtol=2e-6)


@pytest.mark.parametrize("chooser", ["fixed", "learned"])
@pytest.mark.parametrize(("length", "needs"), [(1, "all"), (5, "all"), (5, "last"), (5, "any")])
def test_a_trace_of_each_prompt_is_correct_with_the_wanted_probability(length: int, needs: str, chooser: str) -> None:
    process = {**PROMPTS, "chooser": chooser, "trace_length": length, "correct_trace": needs}
    data = run(process, {"initial_accuracy": [0.001, 0.25, 0.99999]}, **START)
    wanted = data.initial_accuracy.values[:, np.newaxis, np.newaxis, np.newaxis]
    np.testing.assert_allclose(data.persona_accuracy, np.broadcast_to(wanted, (3, 2, 1, 3)), rtol=5e-6)
    rows = probabilities(data)[..., 0, 1:, :]
    for found, expected in zip(shares(rows, IS_RIGHT), shares(ROWS, IS_RIGHT), strict=True):
        np.testing.assert_allclose(found, np.broadcast_to(expected, rows.shape), rtol=5e-6)
    np.testing.assert_allclose(probabilities(data)[..., 0, 0, :3], 1 / 3, rtol=1e-6)


def test_each_model_of_an_ensemble_has_the_wanted_accuracy() -> None:
    process = {"model": "ensemble", "initial": values(P0), "correct": "listed", "correct_tokens": [[0], [1, 2]]}
    data = run({**process, "initial_accuracy": 0.2}, **START)
    for row, right in enumerate(([0], [1, 2])):
        np.testing.assert_allclose(probabilities(data)[:, 0, row, right].sum(axis=-1), 0.2, rtol=2e-6)


def test_a_row_without_right_answers_or_without_wrong_ones_stays_as_it_is() -> None:
    process = {**PROMPTS, "correct_tokens": [[], [0, 1, 2, 3], [0]], "initial_accuracy": 0.5}
    data = run(process, **START)
    np.testing.assert_allclose(data.persona_accuracy[0, 0], [0, 1, 0.5], rtol=2e-6, atol=0)
    np.testing.assert_allclose(probabilities(data)[0, 0, 1:3], ROWS[:2], rtol=2e-6)


def test_rows_have_correct_tokens_of_their_own() -> None:
    """Also along an axis with sets for all rows, in a program each."""
    process = {name: value for name, value in PROMPTS.items() if name != "correct_tokens"}
    data = run(process, {"correct_tokens": [SETS, [0, 3]]}, **START)
    expected = [np.where(IS_RIGHT, ROWS, 0).sum(axis=-1), ROWS[:, [0, 3]].sum(axis=-1)]
    np.testing.assert_allclose(data.persona_accuracy[:, 0, 0], expected, rtol=2e-6)


def test_labels_name_the_correct_tokens_of_each_row() -> None:
    named = {"initial": table(ROWS, tokens=["a", "b", "c", "d"]), "correct_tokens": [["a", "d"], [1], ["c", 3]]}
    one, two = (run({**PROMPTS, **more}, **START).persona_accuracy for more in ({}, named))
    np.testing.assert_array_equal(one, two)


def test_a_trace_of_a_chain_is_judged_by_the_sets_of_its_rows() -> None:
    """Each row's set, that of the first token among them: the probability of a right trace, by hand."""
    chain = np.array([[0.5, 0.5], [0.9, 0.1], [0.4, 0.6]])
    process = {"model": "markov", "initial": table(chain), "trace_length": 2, "correct": "listed"}
    data = run({**process, "correct_tokens": [[0, 1], [1], [0]]}, generations=0, observables=["accuracy"])
    np.testing.assert_allclose(data.accuracy, 0.5 * 0.1 + 0.5 * 0.4, rtol=2e-6)


def test_impossible_tokens_stay_impossible() -> None:
    data = run({"initial": values([0.5, 0, 0.5, 0]), **LISTED, "initial_accuracy": 0.9}, **START)
    np.testing.assert_allclose(probabilities(data)[0, 0], [0.9, 0, 0.1, 0], rtol=2e-6)


def test_what_is_real_and_what_training_returns_to_is_the_re_weighted_p0() -> None:
    common = {"initial": values(P0), **LISTED, "initial_accuracy": 0.1, "samples": INF, "temperature": 0.5}
    for process in (
        {**common, "update": "refit", "fresh_fraction": 1.0},
        {**common, "update": "refit", "generator": "initial", "temperature": 1.0},
    ):
        data = run(process, generations=4, replicates=1, observables=["accuracy", "kl_from_initial"])
        np.testing.assert_allclose(data.accuracy, 0.1, rtol=1e-5)
        np.testing.assert_allclose(data.kl_from_initial, 0, atol=1e-6)


@pytest.mark.parametrize(("mean", "concentration"), [(0.3, 0.5), (0.05, 8.0), (0.6, 300.0)])
def test_hardness_has_a_beta_distribution(mean: float, concentration: float) -> None:
    law = {"initial_accuracy": mean, "accuracy_concentration": concentration}
    data = run({**MANY, **law}, generations=0, replicates=400, observables=["persona_accuracy"])
    found = data.persona_accuracy.values[:, 0].astype(float)
    assert_mean(found.ravel(), mean, variance=mean * (1 - mean) / (concentration + 1), resolves=0.3)
    assert_mean((found.ravel() - mean) ** 2, mean * (1 - mean) / (concentration + 1), resolves=0.3)
    right, wrong = concentration * mean, concentration * (1 - mean)
    assert stats.kstest(np.minimum(found.ravel(), 1), "beta", (right, wrong)).pvalue > 1e-4
    products = (found[:, 0] - mean) * (found[:, 1] - mean)  # of two prompts of a trajectory
    assert_mean(products, np.zeros(()))


def test_prompts_are_equally_hard_in_both_precisions() -> None:
    law = {"initial_accuracy": 0.2, "accuracy_concentration": 2.0}
    one, two = (
        run({**MANY, **law}, generations=0, replicates=3, observables=["persona_accuracy"], precision=precision)
        for precision in ("float32", "float64")
    )
    np.testing.assert_allclose(one.persona_accuracy, two.persona_accuracy, rtol=2e-6)


def test_chunks_and_neighbours_change_no_bit() -> None:
    trained = {"update": "policy_gradient", "group_size": 4, "batch_size": 32, "learning_rate": 1.0}
    process = {**PROMPTS, **trained, "accuracy_concentration": 3.0}
    whole = run(process, {"initial_accuracy": [0.1, 0.4]}, generations=4, replicates=5)
    single = run({**process, "initial_accuracy": 0.4}, generations=4, replicates=3, chunk_size=1)
    np.testing.assert_array_equal(whole.logits.values[1, :3], single.logits.values)
    assert len(np.unique(single.logits.values[:, 0, 1, 0])) == 3, "each trajectory draws its own"


def test_random_streams_of_a_trajectory_are_apart() -> None:
    constants = [kernel._INITIAL, kernel._TEXTS, emission._RECORDED, emission._CORRECT, hardness._HARDNESS]
    assert len(set(constants)) == 5
    assert min(constants) > 2**31, "generations count from 0"


def test_the_mean_step_of_a_prompt_is_that_of_its_own_hardness() -> None:
    """Against the sum over all groups, for the hardness that each trajectory has drawn."""
    law = {"initial_accuracy": 0.3, "accuracy_concentration": 4.0}
    rule = {"update": "policy_gradient", "group_size": 4, "batch_size": 12, "learning_rate": 1.0}
    data = run({**PROMPTS, **law, **rule}, generations=1, replicates=4000)
    p, logits = probabilities(data), data.logits.values.astype(float)
    moved = logits[:, 1, 1:] - logits[:, 0, 1:]
    expected = np.array(
        [
            [
                policy_gradient_step(row, correct=right, learning_rate=1 / 3, group_size=4)
                for row, right in zip(rows, IS_RIGHT, strict=True)
            ]
            for rows in p[:, 0, 1:]
        ]
    )
    assert_mean(moved - expected, np.zeros((3, 4)))
    error = (moved - expected).std(axis=0) / np.sqrt(len(moved))
    assert (abs(moved.mean(axis=0)) > 12 * error).any(), "so that another rule would be seen"
    easy = special.logit(p[:, 0, 1, [0, 3]].sum(axis=-1)) > 0  # other steps than those of hard prompts
    assert_mean((moved - expected)[easy, 0], np.zeros(4))
    assert_mean((moved - expected)[~easy, 0], np.zeros(4))


def test_each_prompt_learns_at_the_speed_that_the_mean_field_has_for_its_own_hardness() -> None:
    """What the log odds of accuracy have risen by, against the flow from the start that each prompt has drawn.

    In a generation a prompt makes a third of a step, as a third of all traces answer it. The slope over prompts is 1 if
    hard ones are as slow, and easy ones as fast, as the flow has them.
    """
    generations, rate = 40, 0.3
    law = {"initial_accuracy": 0.4, "accuracy_concentration": 12.0}
    rule = {"update": "policy_gradient", "group_size": 64, "batch_size": 768, "learning_rate": rate}
    data = run({**PROMPTS, **law, **rule}, replicates=32, observables=["persona_accuracy"], **every(generations))
    rows = probabilities(data)[:, 0, 1:]
    flow = {"learning_rate": rate / len(ROWS), "generations": generations}
    ends = np.array(
        [
            [
                policy_gradient_flow(p, correct=right, **flow)[right].sum()
                for p, right in zip(each, IS_RIGHT, strict=True)
            ]
            for each in rows
        ]
    )
    odds = special.logit(data.persona_accuracy.values.astype(float))
    rise, expected = odds[:, -1] - odds[:, 0], special.logit(ends) - odds[:, 0]
    assert_mean(rise - expected, np.zeros(3))
    fit = stats.linregress(expected.ravel(), rise.ravel())
    assert abs(fit.slope - 1) < SIGMAS * fit.stderr < 1, "another speed, or too few replicates to see one"


@pytest.mark.parametrize(
    ("process", "told"),
    [
        ({"initial_accuracy": 0.0}, "process.initial_accuracy: 0.0: must be > 0"),
        ({"initial_accuracy": 1.0}, "process.initial_accuracy: 1.0: must be < 1"),
        ({"accuracy_concentration": 2.0}, "has no effect: it is used with initial_accuracy"),
        ({"initial_accuracy": 0.5, "accuracy_concentration": 0.0}, "process.accuracy_concentration: 0.0: must be >="),
        ({"initial_accuracy": 0.5, "model": "markov"}, "has no effect: it is used with a model whose traces stay"),
        ({"initial_accuracy": 0.5, "parameters": "lowrank"}, "'lowrank' are fitted to p0 before a trajectory knows"),
        ({"initial_accuracy": 1 - 1e-12}, "is 1 in float32"),
        (
            {**LISTED, "correct_tokens": [[0], [1]]},
            "process.correct_tokens: has sets for 2 rows; the model has 1 row of tokens",
        ),
        ({**PROMPTS, "correct_tokens": [[0], [1]]}, "has sets for 2 rows; the model has 3 rows of tokens"),
        ({**PROMPTS, "correct_tokens": [[0], [1], [4]]}, "4: tokens are numbered from 0 to 3"),
        ({"correct": "file"}, "'file': initial = 'zipf' names no correct tokens"),
    ],
)
def test_what_cannot_be_is_refused(process: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told.replace("(", r"\(")):
        run(process, **START)
