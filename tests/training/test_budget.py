"""A verifier that selects, with a budget of drawn traces: how many are accepted is random, and may be none."""

from typing import Any

import numpy as np
import pytest

from jaxcollapse.errors import InputError
from tests.reference.traces import expected_counts, is_correct, kept, of_personas
from tests.support.one_device import table
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

P0 = np.array([0.5, 0.3, 0.2])
RATES = np.array([0.9, 0.3, 0.3])
N, STEP = 4, 0.6
DRAWN: dict[str, Any] = {
    "initial": values(P0),
    "correct": "listed",
    "correct_tokens": [0],
    "true_positive_rate": 0.9,
    "false_positive_rate": 0.3,
    "budget": "drawn",
}
REFIT = {"update": "refit", "samples": N}
DESCENT = {"batch_size": N, "learning_rate": STEP}
ACCEPTED = P0 @ RATES
SELECTED = P0 * RATES / ACCEPTED
NONE = (1 - ACCEPTED) ** N  # the probability that none is accepted
PERSONAS = np.array([[0.7, 0.3, 0.0], [0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
LENGTH = 2


def once(process: dict[str, Any], replicates: int = 40_000, **more: Any) -> Any:
    """The first generation."""
    settings = {"generations": 1, "replicates": replicates, "record": {"every": 1, "logits": True}}
    return run({**DRAWN, **process}, **{**settings, **more})


def moved(process: dict[str, Any], replicates: int = 40_000) -> np.ndarray:
    """The change of the logits [replicate, …, token]."""
    logits = once(process, replicates).logits.values.astype(float)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(logits[:, 1] - logits[:, 0])


def test_a_refit_is_to_those_that_are_accepted() -> None:
    """E p = (1 − P(none)) q + P(none) p0, and a model of which none is accepted stays as it is."""
    p = probabilities(once(REFIT))[:, 1]
    assert_mean(p, (1 - NONE) * SELECTED + NONE * P0, resolves=0.05)
    stays = (abs(p - P0) < 1e-6).all(axis=1)
    assert_mean(stays, NONE, resolves=0.2)
    alone = p.max(axis=1) == 1  # all that are accepted are one token
    size = np.arange(1, N + 1)
    ways = np.array([N, N * (N - 1) / 2, N * (N - 1) * (N - 2) / 6, 1])  # of 4
    chance = ways * ACCEPTED**size * (1 - ACCEPTED) ** (N - size)
    assert_mean(alone, (chance[:, None] * SELECTED ** size[:, None]).sum(), resolves=0.05)


def test_a_step_is_towards_those_that_are_accepted() -> None:
    """E Δz = η (1 − P(none)) (q − p0)."""
    assert_mean(moved(DESCENT), STEP * (1 - NONE) * (SELECTED - P0), resolves=0.1)


def test_each_model_of_an_ensemble_has_its_own_number() -> None:
    step = moved({**DESCENT, "model": "ensemble", "exchange": 0.0})
    for model in range(2):
        assert_mean(step[:, model], STEP * (1 - NONE) * (SELECTED - P0), resolves=0.1)
    none = (step == 0).all(axis=2)
    assert_mean(none.all(axis=1), NONE**2)


@pytest.mark.parametrize("needs", ["all", "last"])
def test_whole_traces_count_when_they_are_drawn(needs: str) -> None:
    """E Δz_cx = η (1 − P(none)) (E n_cx − p_cx E n_c)/(pairs of a trace), n of an accepted trace by enumeration."""
    given = {"initial": table(PERSONAS[1:], weights=PERSONAS[0, :2].tolist()), "trace_length": LENGTH}
    step = moved({**DESCENT, **given, "model": "persona", "correct_trace": needs})
    traces, is_right = list(of_personas(PERSONAS, LENGTH)), np.zeros(PERSONAS.shape, bool)
    is_right[:, 0] = True
    law = kept(traces, "none", np.zeros(PERSONAS.shape), 1, is_right, (0.9, 0.3), needs)
    passed = sum(trace.chance * (0.9 if is_correct(trace, is_right, needs) else 0.3) for trace in traces)
    found = expected_counts(traces, law, PERSONAS.shape)
    mean = (found - PERSONAS * found.sum(axis=1, keepdims=True)) / (1 + LENGTH)
    assert_mean(step, STEP * (1 - (1 - passed) ** N) * mean)
    assert abs(step).max() > 0


NOTHING = {"true_positive_rate": 0.0, "false_positive_rate": 0.0}


@pytest.mark.parametrize("process", [REFIT, DESCENT, {**DESCENT, "optimizer": "adam"}], ids=["refit", "sgd", "adam"])
def test_where_none_is_accepted_nothing_moves_by_one_bit(process: dict[str, Any]) -> None:
    assert (moved({**process, **NOTHING}, 50) == 0).all()


def test_real_data_always_pass() -> None:
    """Half of the draws are real: where the model's are all rejected, these alone are trained on."""
    p = probabilities(once({**REFIT, **NOTHING, "samples": 40, "fresh_fraction": 0.5}))[:, 1]
    assert_mean(p, P0, resolves=0.02)
    spread = ((p - P0) ** 2).mean(axis=0) / (P0 * (1 - P0))
    assert (abs(spread - 1 / 20) < 0.01).all()  # about 20 of them


def test_a_budget_needs_a_verifier() -> None:
    with pytest.raises(InputError, match="budget"):
        once({**REFIT, "true_positive_rate": 1.0, "false_positive_rate": 1.0, "correct": "head"}, 1)
