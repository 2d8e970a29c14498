"""Curation and verifiers of a network's traces: the law of those that are kept, against all that candidates may be."""

from typing import Any

import jax
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.process.judge import Judge
from jaxcollapse.process.sequences import Drawing
from tests.reference.traces import selected
from tests.support.listed_traces import PLACES, SMALL, all_traces, log_p, made, number_of, over_keys, written
from tests.support.statistics import assert_counts
from tests.support.sweeps import probabilities

END, RATES, NUMBER = 2, (0.7, 0.2), 6
SCORES = [0.9, -0.4, 0.3]
VERIFIER: dict[str, Any] = {
    "correct": "listed",
    "correct_tokens": [0],
    "correct_trace": "last",
    "true_positive_rate": RATES[0],
    "false_positive_rate": RATES[1],
}
SCORED: dict[str, Any] = {"reward": "score", "scores": SCORES, "reward_scale": 2.0, "candidates": 3}
CASES: dict[str, dict[str, Any]] = {
    "a choice in proportion": {"curation": "bradley_terry", **SCORED},
    "the greatest reward": {"curation": "argmax", **SCORED, "candidates": 2},
    "the likeliest": {"curation": "argmax", "reward": "likelihood", "candidates": 2},
    "a verifier": VERIFIER,
    "both": {"curation": "argmax", **SCORED, **VERIFIER, "candidates": 2},
    "what is drawn counts": {**VERIFIER, "budget": "drawn"},
}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return written(tmp_path_factory.mktemp("letters"))


def kept(fields: dict[str, Any], keys: int, **structure: Any) -> tuple[np.ndarray, Any]:
    """The traces of a generation [key, trace, place] for so many keys, and the parameters that draw them."""
    common = {"end_token": END, "batch_size": NUMBER, "samples": NUMBER, "steps": 2}
    process, weights = made({**common, **fields}, **structure)

    def generation(key: Any) -> Any:
        own = process(key)
        state, judge = own.init(), Judge(own.structure, own.emission, own.possible[:1], own.start, own.origin)
        return own._lesson(Drawing(own, state.parameters, None, judge=judge), key, state).first.stored

    return over_keys(generation, keys)[:, :NUMBER], weights


def law(case: dict[str, Any], traces: np.ndarray, weights: Any) -> np.ndarray:
    """The probability that each of these traces is kept; the last number is that of none, where drawn ones count."""
    each = log_p(weights, traces).sum(axis=1)
    p, long = np.exp(each), (traces >= 0).sum(axis=1)
    if case.get("curation", "none") != "none":
        scores = np.where(traces >= 0, np.array(SCORES)[np.maximum(traces, 0)], 0).sum(axis=1) * 2.0
        rewards = (each if case["reward"] == "likelihood" else scores) / long
        p = selected(case["curation"], p, np.round(rewards, 9), case["candidates"])
    if "true_positive_rate" not in case:
        return np.append(p, 0)
    answers = [trace[(trace >= 0) & (trace != END)][-1:] for trace in traces]
    p = p * np.array([RATES[0 if (answer == 0).any() else 1] for answer in answers])
    return np.append(p, 1 - p.sum()) if case.get("budget") == "drawn" else np.append(p / p.sum(), 0)


@pytest.mark.parametrize("case", CASES)
def test_the_law_of_what_is_kept(case: str, text: dict[str, Any]) -> None:
    """By chi-square, over all traces of a generation; and each place has the same law."""
    found, weights = kept({**CASES[case], "initial": text}, 3000)
    traces = all_traces(END)
    everything = np.concatenate([traces, np.full((1, traces.shape[1]), -1)])
    expected = law(CASES[case], traces, weights)
    for part in (found, found[:, -1:]):
        counts = np.bincount(number_of(part, everything), minlength=len(everything))
        assert_counts(counts, expected * counts.sum())
    plain = np.append(np.exp(log_p(weights, traces).sum(axis=1)), 0)
    assert abs(expected - plain).sum() > 0.15  # a selection that does nothing would be seen


@pytest.mark.parametrize("case", ["both", "what is drawn counts"])
def test_blocks_change_no_trace(case: str, text: dict[str, Any]) -> None:
    """Nor which of them a verifier accepts."""
    fields = {**CASES[case], "initial": text, "prompt_length": 1}
    sizes = [{"traces_at_once": size, "stored_at_once": size} for size in (2, 6)]
    found = [kept(fields, 10, stored_traces=NUMBER, **size)[0] for size in sizes]
    np.testing.assert_array_equal(*found)
    assert len(np.unique(found[0].reshape(-1, PLACES), axis=0)) > 8


def test_candidates_answer_one_prompt(text: dict[str, Any]) -> None:
    """So prompts are as likely as without a selection, though some have better answers."""
    case = {**CASES["the greatest reward"], "candidates": 8, "initial": text, "prompt_length": 1}
    chosen, plain = (kept(fields, 500)[0] for fields in (case, {"initial": text, "prompt_length": 1}))
    np.testing.assert_array_equal(chosen[..., 0], plain[..., 0])
    means = [np.array(SCORES)[np.maximum(found[..., 1], 0)].mean() for found in (chosen, plain)]
    assert means[0] > means[1] + 0.2


def test_a_verifier_that_accepts_nothing_gives_up(text: dict[str, Any]) -> None:
    """As for tables: every thousandth trace passes, until there are enough."""
    never = {**VERIFIER, "true_positive_rate": 0.0, "false_positive_rate": 0.0, "initial": text}
    found, _ = kept({**never, "batch_size": 2, "samples": 2}, 1)
    assert (found[0, :2, 0] >= 0).all()


@pytest.mark.parametrize("steps", [2, 4])
def test_a_run_on_accepted_traces_learns_what_is_correct(steps: int, text: dict[str, Any]) -> None:
    """Whole, with fresh traces for each step, and with traces that are stored and seen twice; a tenth is real."""
    perfect = {**VERIFIER, "true_positive_rate": 1.0, "false_positive_rate": 0.0, "correct_trace": "all"}
    process = {**SMALL, **perfect, "correct_tokens": [0, 1], "initial": text, "batch_size": 8, "samples": 16}
    data = jc.run(
        jc.Sweep.from_dict(
            {
                "process": {
                    **process,
                    "steps": steps,
                    "fresh_fraction": 0.1,
                    "learning_rate": 0.05,
                    "optimizer": "adam",
                },
                "generations": 20,
                "record": {"every": 20, "logits": True},
                "observables": ["entropy"],
            }
        ),
        progress=False,
        devices=jax.local_devices()[:1],
    )
    wrong = probabilities(data)[0, :, 0, 2]  # the first probe is the beginning of a trace
    assert wrong[0] > 0.2
    assert 0 < wrong[-1] < 0.1


@pytest.mark.parametrize(
    ("process", "told"),
    [
        ({"true_positive_rate": 0.5}, "correct: 'head' with model = 'sequence': is a set of each row of a table"),
        ({**VERIFIER, "correct_tokens": [[0], [1], [2]]}, "correct_tokens: lists of tokens, one for each row"),
        ({"curation": "argmax", "candidates": float("inf")}, "candidates: inf: traces of model = 'sequence' are"),
        ({"curation": "argmax", "batch_size": float("inf")}, "batch_size: inf: the traces of a network are too many"),
    ],
)
def test_what_has_no_meaning_is_refused(process: dict[str, Any], told: str, text: dict[str, Any]) -> None:
    with pytest.raises(jc.InputError, match=told):
        jc.Sweep.from_dict({"process": {**SMALL, "initial": text, **process}})
