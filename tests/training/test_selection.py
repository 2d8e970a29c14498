"""Curated and verified samples, growing numbers of them, and models looked at at another temperature."""

from typing import Any

import numpy as np
import pytest

from jaxcollapse.errors import InputError
from tests.reference.laws import entropy, tempered
from tests.reference.traces import expected_counts, kept, of_chain, of_personas, selected
from tests.support.one_device import table
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities, run, values

INF = float("inf")
P0 = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
SCORES = [0.3, -0.2, 0.9, 0.0, 0.5]
RECORD = {"every": 1, "logits": True}
CURATED = {"initial": values(P0), "update": "refit", "scores": SCORES, "reward": "score"}


def test_each_model_of_an_ensemble_selects_among_what_it_trains_on() -> None:
    """All start from p0, so that each trains on what one model alone would: the best of three, verified."""
    samples, correct = 20, np.array([True, True, True, False, False])
    process = {**CURATED, "model": "ensemble", "samples": samples, "curation": "argmax", "candidates": 3}
    verifier = {"true_positive_rate": 0.8, "false_positive_rate": 0.3, "correct_share": 0.8}
    data = run({**process, **verifier}, generations=1, replicates=20_000, record=RECORD)
    q = selected("argmax", P0, np.array(SCORES), 3) * np.where(correct, 0.8, 0.3)
    q /= q.sum()
    p = probabilities(data)[:, 1]
    for model in range(2):
        assert_mean(p[:, model], q, variance=q * (1 - q) / samples, resolves=0.07)
    assert_mean((p[:, 0] - q) * (p[:, 1] - q), np.zeros(5))


PERSONAS = {"model": "persona", "initial": table([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]], weights=[0.7, 0.3])}
CHAIN = {"model": "markov", "initial": table([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.3, 0.3, 0.4]])}
BEST_OF_THREE = {"curation": "bradley_terry", "candidates": 3, "trace_length": 2}
VERIFIER = {"true_positive_rate": 0.9, "false_positive_rate": 0.3, "correct_share": 0.75}
WHOLE: dict[str, dict[str, Any]] = {
    "personas by likelihood": {**PERSONAS, **BEST_OF_THREE, "reward": "likelihood", "temperature": 0.8},
    "personas by scores": {**PERSONAS, **BEST_OF_THREE, "reward": "score", "scores": [0.1, 0.5, -0.2]},
    "chains": {**CHAIN, **VERIFIER, "trace_length": 3, "curation": "argmax", "reward": "original_likelihood"},
}


@pytest.mark.optimised
@pytest.mark.parametrize("process", WHOLE.values(), ids=WHOLE)
def test_gradient_steps_learn_from_whole_traces_that_were_selected(process: dict[str, Any]) -> None:
    """E of the first step is η (E n_cx − p_cx E n_c)/(pairs of a trace), n of the kept trace by enumeration.

    The model is not p0: it starts collapsed, and is sampled at its temperature.
    """
    rate, scale, share, is_persona = 0.5, 2.0, 0.3, process["model"] == "persona"
    common = {"collapsed_start": share, "batch_size": 2, "learning_rate": rate, "reward_scale": scale}
    data = run({**process, **common}, generations=1, replicates=25_000, record=RECORD)
    given = np.array(process["initial"]["probabilities"])
    if is_persona:
        given = np.concatenate([[[*process["initial"]["weights"], 0.0]], given])
    possible = given > 0
    model = (1 - share) * given + share * np.eye(3)[given.argmax(axis=1)]
    sampled = np.array([tempered(row, process.get("temperature", 1.0)) for row in model])
    traces = list((of_personas if is_persona else of_chain)(sampled, process["trace_length"]))
    judge = {"likelihood": model, "original_likelihood": given}.get(process["reward"])
    if judge is None:  # the choice of a persona has no score
        judge = np.exp(np.array([[0.0] * 3, process["scores"], process["scores"]]))
    rewards = scale * np.log(np.where(possible, judge, 1))
    correct, rates = None, (1.0, 1.0)
    if "correct_share" in process:  # the tokens that what is more likely does not have that share without
        above = np.where(given[:, np.newaxis] > given[:, :, np.newaxis], given[:, np.newaxis], 0).sum(axis=-1)
        correct, rates = above < process["correct_share"], (0.9, 0.3)
        assert (~correct).sum() == 3
    law = kept(traces, process["curation"], rewards, process.get("candidates", 2), correct, rates)
    counts, plain = (expected_counts(traces, each, given.shape) for each in (law, kept(traces, "none", rewards, 1)))
    expected, unselected = (
        rate * (each - model * each.sum(axis=1, keepdims=True)) / each.sum() for each in (counts, plain)
    )
    step = data.logits.values[:, 1, possible] - data.logits.values[:, 0, possible]
    assert_mean(step, expected[possible])
    error = step.std(axis=0) / np.sqrt(len(step))
    assert (np.abs(expected - unselected)[possible] / error).max() > 20


def test_a_model_is_looked_at_at_another_temperature_without_being_changed() -> None:
    temperatures = [1.0, 0.5, 0.0, INF]
    data = run(
        {"initial": values(P0), "optimizer": "momentum", "batch_size": 3},
        {"evaluation_temperature": temperatures},
        generations=6,
        replicates=5,
        record=RECORD,
        observables=["entropy", "kl_from_initial"],
        common_random_numbers=["evaluation_temperature"],
    )
    for place, temperature in enumerate(temperatures):
        np.testing.assert_array_equal(data.logits[place], data.logits[0])
        p = probabilities(data)[place]
        if temperature in (0.5, 1.0):
            expected = [[entropy(tempered(row, temperature)) for row in rows] for rows in p]
            np.testing.assert_allclose(data.entropy[place], expected, rtol=1e-4)
    np.testing.assert_allclose(data.entropy[2], 0, atol=1e-6)
    np.testing.assert_allclose(data.entropy[3], np.log(len(P0)), rtol=1e-6)
    assert (data.kl_from_initial[1, :, 0] > 0.01).all()  # already at the start: p0 itself is not tempered


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"curation": "argmax", "model": "persona", "batch_size": INF},
            "process.batch_size: inf traces of model = 'persona' have no closed form .* up to 2000000",
        ),
        (
            {"false_positive_rate": 0.5, "model": "markov", "samples": INF, "update": "refit"},
            "process.samples: inf traces of model = 'markov' have no closed form .* up to 2000000",
        ),
        (
            {"curation": "argmax", "model": "markov", "candidates": INF},
            "process.candidates: inf: traces of model = 'markov' are drawn one by one",
        ),
        (
            {"curation": "argmax", "model": "markov", "samples": 3e6, "update": "refit"},
            "process.samples: more than 2000000 traces",
        ),
        ({"curation": "argmax", "model": "persona", "batch_size": 3e6}, "process.batch_size: more than 2000000 traces"),
        ({"curation": "argmax", "reward": "score"}, "process.scores: is missing"),
        ({"curation": "argmax", "reward": "score", "scores": [1.0]}, "process.scores: has 1 values for 4 tokens"),
        (
            {"curation": "bradley_terry", "reward": "score", "scores": [0.0, 2e4, 0.0, 0.0]},
            "process.scores: times reward_scale span more than 10000",
        ),
        ({"candidates": 3}, "process.candidates: has no effect"),
        ({"scores": [1.0] * 4, "curation": "argmax"}, "process.scores: has no effect"),
        ({"correct_share": 0.3}, "process.correct_share: has no effect"),
        ({"sample_growth": 1.0}, "process.sample_growth: has no effect"),
        ({"sample_growth": 9.0, "update": "refit", "samples": 1000}, "process.samples: the corpus would pass"),
    ],
    ids=str,
)
def test_what_cannot_be_selected_is_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        run({"vocab_size": 4, **wrong}, generations=20)
