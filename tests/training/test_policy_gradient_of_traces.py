"""Policy gradient of traces of several tokens, and of prompts: the mean step by going through all groups of two."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from jaxcollapse.errors import InputError
from tests.reference.advantages import advantages
from tests.reference.traces import Trace, counts, is_correct, of_chain, of_personas, reward
from tests.support.one_device import run, table
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities

MASSES = np.array([0.7, 0.3])
PERSONAS = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
CHAIN = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.3, 0.3, 0.4]])
END, LENGTH, RATES, STEP = 2, 3, (0.9, 0.2), 0.5
SCORES = [0.4, -0.9, 0.3]
COMMON: dict[str, Any] = {
    "update": "policy_gradient",
    "group_size": 2,
    "batch_size": 2,
    "learning_rate": STEP,
    "correct": "listed",
    "correct_tokens": [0],
    "true_positive_rate": RATES[0],
    "false_positive_rate": RATES[1],
}
PERSONA: dict[str, Any] = {
    "model": "persona",
    "initial": table(PERSONAS, weights=MASSES.tolist()),
    "trace_length": 2,
}
MARKOV: dict[str, Any] = {"model": "markov", "initial": table(CHAIN), "trace_length": LENGTH, "end_token": END}
CASES: dict[str, dict[str, Any]] = {
    "personas": {**PERSONA},
    "personas, the last token": {**PERSONA, "correct_trace": "last"},
    "personas, one token": {**PERSONA, "correct_trace": "any", "baseline": "leave_one_out", "normalise": "none"},
    "personas, rewards as they are": {**PERSONA, "baseline": "none", "normalise": "none"},
    "personas with scores": {**PERSONA, "reward": "score", "scores": SCORES, "normalise": "none"},
    "prompts": {**PERSONA, "chooser": "fixed"},
    "prompts with short answers": {**PERSONA, "chooser": "fixed", "trace_length": 1},
    "chains": {**MARKOV},
    "chains, the last token": {**MARKOV, "correct_trace": "last"},
    "chains of prompts": {**MARKOV, "first_token": "fixed", "correct_trace": "any"},
}


def moved(process: dict[str, Any], replicates: int, **more: Any) -> np.ndarray:
    """The change of the logits in the first generation [replicate, context, token]."""
    once = {"generations": 1, "replicates": replicates, "record": {"every": 1, "logits": True}, **more}
    logits = run({**COMMON, **process}, **once).logits.values.astype(float)
    with np.errstate(invalid="ignore"):  # of impossible tokens
        return np.nan_to_num(logits[:, 1] - logits[:, 0])


def mean_step(case: dict[str, Any]) -> np.ndarray:
    """By going through all that two traces, and what a verifier says of them, can be."""
    if case["model"] == "persona":
        rows = np.concatenate([np.pad(MASSES, (0, 1))[np.newaxis], PERSONAS])
        traces, end = list(of_personas(rows, case["trace_length"])), -1
    else:
        rows, traces, end = CHAIN, list(of_chain(CHAIN, LENGTH, END)), END
    starts_alike = "fixed" in (case.get("chooser"), case.get("first_token"))
    is_right = np.zeros(rows.shape, bool)
    is_right[:, 0] = True
    trained = np.ones((len(rows), 1)) if not starts_alike else (np.arange(len(rows)) > 0)[:, np.newaxis]
    total = np.zeros(rows.shape)
    for pair in product(traces, repeat=2):
        chance = pair[0].chance * pair[1].chance
        if starts_alike:
            if pair[0].pairs[0] != pair[1].pairs[0]:
                continue
            chance /= rows[pair[0].pairs[0]]
        tables = [counts(trace, rows.shape) * trained for trace in pair]
        slopes = [each - each.sum(axis=1, keepdims=True) * rows for each in tables]
        tokens = max(sum(each.sum() for each in tables), 1)
        for rewards, how_likely in judged(case, pair, is_right, end):
            found = advantages(rewards, case.get("baseline", "mean"), case.get("normalise", "std"))
            total += chance * how_likely * np.tensordot(found, slopes, 1) / tokens
    return STEP * total


def judged(
    case: dict[str, Any], pair: tuple[Trace, ...], is_right: np.ndarray, end: int
) -> list[tuple[np.ndarray, float]]:
    """The rewards that two traces may get, and how likely they are."""
    if case.get("reward") == "score":
        scores = np.zeros(is_right.shape)
        scores[1:] = SCORES
        return [(np.array([reward(trace, scores) for trace in pair]), 1.0)]
    rates = [RATES[0 if is_correct(trace, is_right, case.get("correct_trace", "all"), end) else 1] for trace in pair]
    found = []
    for won in product((1.0, 0.0), repeat=2):
        found.append((np.array(won), float(np.prod([p if one else 1 - p for p, one in zip(rates, won, strict=True)]))))
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_mean_step_is_the_sum_over_all_groups(case: str) -> None:
    expected = mean_step(CASES[case])
    found = moved(CASES[case], 30_000)
    assert_mean(found, expected)
    error = found.std(axis=0).max() / np.sqrt(len(found))
    assert abs(expected).max() > 12 * error  # so that another rule would be seen


def test_prompts_that_are_never_trained_keep_their_probabilities() -> None:
    """And all traces of a group answer one of them."""
    fixed = moved({**CASES["prompts"], "batch_size": 2, "reward": "coin"}, 500)
    assert (fixed[:, 0] == 0).all()
    assert (abs(fixed[:, 1:]).sum(axis=2) > 0).sum(axis=1).max() == 1
    learned = moved({**CASES["personas"], "reward": "coin"}, 500)
    assert (abs(learned[:, 1:]).sum(axis=2) > 0).sum(axis=1).max() == 2


def test_a_prompt_with_short_answers_is_a_model_of_one_row() -> None:
    """One persona: what the closed form of infinitely many groups says of its row."""
    row = PERSONAS[0]
    one = {**CASES["prompts with short answers"], "initial": table([row]), "group_size": 8, "batch_size": 16}
    alone = {"model": "categorical", "initial": {"kind": "values", "probabilities": row.tolist()}}
    exact = run(
        {**COMMON, **alone, "group_size": 8, "batch_size": float("inf")},
        generations=1,
        record={"every": 1, "logits": True},
    )
    expected = (exact.logits.values[0, 1] - exact.logits.values[0, 0]).astype(float)
    assert_mean(moved(one, 10_000)[:, 1], expected, resolves=0.05)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("case", ["personas", "prompts", "chains"])
def test_equal_rewards_move_nothing_by_one_bit(case: str, optimizer: str) -> None:
    always = {"true_positive_rate": 1.0, "false_positive_rate": 1.0, "optimizer": optimizer}
    assert (moved({**CASES[case], **always}, 20) == 0).all()


def test_how_many_generations_and_groups_there_are_changes_no_bit() -> None:
    """Of the first generation, and of the first groups."""
    short = moved({**CASES["chains"], "batch_size": 8}, 3)
    longer = run(
        {**COMMON, **CASES["chains"], "batch_size": 8},
        generations=3,
        replicates=3,
        record={"every": 1, "logits": True},
    ).logits.values.astype(float)
    np.testing.assert_array_equal(np.nan_to_num(longer[:, 1] - longer[:, 0]), short)


def test_prompts_learn_their_answers_apart() -> None:
    """The correct token of each prompt becomes likely, and an easy prompt is learned before a hard one."""
    rows = [[0.5, 0.3, 0.2], [0.02, 0.49, 0.49]]
    process = {**CASES["prompts with short answers"], "initial": table(rows), "batch_size": 32, "group_size": 8}
    perfect = {"true_positive_rate": 1.0, "false_positive_rate": 0.0}
    data = run({**COMMON, **process, **perfect}, generations=40, replicates=50, record={"every": 10, "logits": True})
    right = probabilities(data)[:, :, 1:, 0].mean(axis=0)
    assert right[-1, 0] > 0.95
    assert (right[:, 0] > right[:, 1]).all()


@pytest.mark.parametrize(
    ("process", "told"),
    [
        ({**PERSONA, "batch_size": float("inf")}, "batch_size: inf: the mean over infinitely many groups of traces"),
        ({**PERSONA, "chooser": "fixed", "temperature_on": "chooser"}, "temperature_on: 'chooser': with chooser = "),
    ],
)
def test_what_has_no_meaning_is_refused(process: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        moved(process, 1)
