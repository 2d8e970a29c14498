"""Policy gradient of networks: the mean step by going through all groups of two; K steps and ratios by plain NumPy."""

from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.process.judge import Judge
from jaxcollapse.process.sequences import Drawing
from tests.reference import networks
from tests.reference.advantages import advantages
from tests.support.listed_traces import PLACES, SMALL, TOKENS, all_traces, log_laws, log_p, made, over_keys, written
from tests.support.statistics import assert_mean
from tests.support.sweeps import probabilities

RATES, END = (0.9, 0.2), 2
SCORES = [0.4, -0.9, 0.3]
COMMON: dict[str, Any] = {
    "update": "policy_gradient",
    "group_size": 2,
    "batch_size": 2,
    "learning_rate": 1.0,
    "correct": "listed",
    "correct_tokens": [0],
    "true_positive_rate": RATES[0],
    "false_positive_rate": RATES[1],
}
CASES: dict[str, dict[str, Any]] = {
    "a verifier of all tokens": {"correct_tokens": [0, 1]},
    "the last token": {"correct_trace": "last", "end_token": END},
    "one token, the mean of the others": {
        "correct_trace": "any",
        "end_token": END,
        "baseline": "leave_one_out",
        "normalise": "none",
    },
    "scores": {"reward": "score", "scores": SCORES, "reward_scale": 0.7, "baseline": "none", "normalise": "none"},
    "likelihood": {"reward": "likelihood", "normalise": "none", "end_token": END},
    "prompts": {"prompt_length": 1, "correct_trace": "any"},
}


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return written(tmp_path_factory.mktemp("letters"))


def stepped(fields: dict[str, Any], keys: int, **structure: Any) -> tuple[Any, Any]:
    """Parameters after a generation, for so many keys; and those before."""
    process, weights = made({**COMMON, **fields}, **structure)
    return over_keys(lambda key: (own := process(key)).step(key, own.init()).parameters, keys), weights


def flat(tree: Any) -> np.ndarray:
    """All numbers of parameters of one network [number], or of those of several [key, number]."""
    several = np.ndim(tree.start) - 1
    return np.concatenate([each.reshape(*each.shape[:several], -1) for each in jax.tree.leaves(tree)], axis=-1)


def judged(case: dict[str, Any], trace: np.ndarray, weights: Any) -> list[tuple[float, float]]:
    """The rewards that a trace may get, and how likely each is."""
    tokens = trace[case.get("prompt_length", 0) :]
    tokens = tokens[tokens >= 0]
    if case.get("reward") == "score":
        return [(case["reward_scale"] * float(np.mean([SCORES[token] for token in tokens])), 1.0)]
    if case.get("reward") == "likelihood":
        return [(float(log_p(weights, trace[None]).sum()) / len(tokens), 1.0)]
    answers, needs = tokens[tokens != case.get("end_token", -1)], case.get("correct_trace", "all")
    if needs == "all":
        is_right = bool(np.isin(tokens, case["correct_tokens"]).all())
    else:
        is_right = bool((answers[-1:] == 0).any() if needs == "last" else (answers == 0).any())
    rate = RATES[0 if is_right else 1]
    return [(1.0, rate), (0.0, 1 - rate)]


@pytest.mark.parametrize("case", CASES)
def test_the_mean_step_is_the_sum_over_all_groups(case: str, text: dict[str, Any]) -> None:
    """Exact, but for the number of groups that are drawn: prompts are as likely as they are in the text."""
    fields = {**CASES[case], "initial": text}
    after, weights = stepped(fields, 8000)
    given = fields.get("prompt_length", 0)
    traces = all_traces(fields.get("end_token", -1), given)
    p = np.exp(log_p(weights, traces, given).sum(axis=1))
    prompts = np.ones(TOKENS)
    if given:  # the first tokens of all windows of what is not held out
        letters = Path(text["path"]).read_text(encoding="utf-8")[: 180 - PLACES + 1]
        prompts = np.array([letters.count(letter) for letter in "abc"]) / len(letters)
    told = [judged(fields, trace, weights) for trace in traces]
    long = (traces[:, given:] >= 0).sum(axis=1)
    pull = np.zeros(len(traces))
    for one, other in product(range(len(traces)), repeat=2):
        chance = p[one] * p[other]
        if given:
            chance *= prompts[traces[one, 0]] * (traces[one, 0] == traces[other, 0])
        for (first, likely), (second, as_well) in product(told[one], told[other]):
            rewards = np.array([first, second])
            found = advantages(rewards, fields.get("baseline", "mean"), fields.get("normalise", "std"))
            np.add.at(pull, [one, other], chance * likely * as_well * found / (long[one] + long[other]))

    def total(weights: Any) -> Any:
        return (pull * log_p(weights, traces, given).sum(axis=1)).sum()

    expected = flat(networks.slope(total, weights))
    moved = flat(after) - flat(weights)
    assert_mean(moved, expected)
    error = moved.std(axis=0) / np.sqrt(len(moved))
    assert (abs(expected) / np.maximum(error, 1e-9)).max() > 9  # another rule would be seen


STEPS: dict[str, dict[str, Any]] = {
    "one step": {"steps": 1, "temperature": 1.5},
    "clipped ratios": {"steps": 3, "clip_low": 0.05, "clip_high": 0.08, "learning_rate": 4.0},
    "tempered": {"steps": 2, "temperature": 1.5, "sampling_correction": "tempered"},
    "importance": {"steps": 2, "temperature": 0.7, "top_k": 2, "sampling_correction": "importance"},
    "the majority": {"steps": 2, "reward": "majority", "end_token": END, "prompt_length": 1},
}


def loss(
    fields: dict[str, Any], traces: np.ndarray, is_there: np.ndarray, drew: np.ndarray, advantage: np.ndarray, now: Any
) -> Any:
    """The loss of a step of a policy gradient, of a network with complex parameters."""
    scale = fields.get("temperature", 1.0) if fields.get("sampling_correction") == "tempered" else 1.0
    laws = networks.log_p(log_laws(now, np.maximum(traces, 0)) / scale)
    found = np.take_along_axis(laws, np.maximum(traces, 0)[..., None], axis=2)[..., 0]
    each, counted = advantage[:, None], is_there
    if fields["steps"] > 1:
        found = np.exp(np.where(is_there, found - drew, 0))
        low, high = (fields.get(name, np.inf) for name in ("clip_low", "clip_high"))
        counted = is_there & np.where(each > 0, found.real <= 1 + high, found.real >= 1 - low)
    return -np.where(counted, each * found, 0).sum() / is_there.sum()


@pytest.mark.parametrize("case", STEPS)
def test_steps_on_the_same_traces_are_those_of_plain_numpy(case: str, text: dict[str, Any]) -> None:
    """From the traces and advantages of one generation, in blocks of three traces, of which the last is not full."""
    fields = {**COMMON, "correct_trace": "any", "group_size": 4, "batch_size": 8, **STEPS[case], "initial": text}
    process, weights = made(fields, traces_at_once=3, stored_at_once=3)

    def generation(key: Any) -> tuple[Any, Any]:
        own = process(key)
        state, judge = own.init(), Judge(own.structure, own.emission, own.possible[:1], own.start, own.origin)
        lesson = own._lesson(Drawing(own, state.parameters, None, judge=judge), key, state)
        return own.step(key, state).parameters, lesson.first

    after, (stored, advantage) = over_keys(generation, 6)
    given, end, scale = fields.get("prompt_length", 0), fields.get("end_token", -1), fields.get("temperature", 1.0)
    correction, moves = fields.get("sampling_correction", "none"), 0
    for key, (traces, own) in enumerate(zip(stored, advantage, strict=True)):
        assert (traces[:, given:].max(axis=1) < TOKENS).all()
        if case == "the majority":
            answers = [each[(each >= 0) & (each != end)][-1:] for each in traces[:, given:]]
            told = [int(answer[0]) if len(answer) else -1 for answer in answers]
            groups = [told[:4], told[4:]]
            rewards = [[float(one == max(group, key=group.count)) for one in group] for group in groups]
            expected = np.concatenate([advantages(np.array(each), "mean", "std") for each in rewards])
            np.testing.assert_allclose(own, expected, atol=1e-12)
            assert (traces[:4, 0] == traces[0, 0]).all()
            assert (traces[4:, 0] == traces[4, 0]).all()
        is_there = (traces >= 0) & (np.arange(PLACES) >= given)
        drew = log_p(weights, traces, given)
        if correction != "none":
            laws = log_laws(weights, np.maximum(traces, 0)) / scale
            if "top_k" in fields:
                laws = np.where(laws >= np.sort(laws, axis=2)[..., -2:-1], laws, -np.inf)
            laws = laws - np.log(np.exp(laws).sum(axis=2, keepdims=True))
            drew = np.where(is_there, np.take_along_axis(laws, np.maximum(traces, 0)[..., None], axis=2)[..., 0], 0)
        now = weights
        for _ in range(fields["steps"]):
            slope = networks.slope(partial(loss, fields, traces, is_there, drew, own), now)
            now = jax.tree.map(lambda old, new: old - fields["learning_rate"] * new, now, slope)
        moves += abs(flat(now) - flat(weights)).max() > 0.01
        np.testing.assert_allclose(flat(after)[key], flat(now), rtol=1e-9, atol=1e-11)
    assert moves >= 4


def test_blocks_have_no_influence(text: dict[str, Any]) -> None:
    """Except for the order in which a gradient is added up."""
    fields = {"initial": text, "group_size": 4, "batch_size": 8, "prompt_length": 1, "reward": "coin"}
    small, _ = stepped(fields, 20, traces_at_once=1, stored_at_once=1)
    large, _ = stepped(fields, 20, traces_at_once=8, stored_at_once=8)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11), small, large)
    assert abs(np.diff(flat(small), axis=0)).max() > 0.01


def test_equal_rewards_move_nothing_by_one_bit(text: dict[str, Any]) -> None:
    """Not even with Adam, which makes a step of full size of each rounding error."""
    always = {"true_positive_rate": 1.0, "false_positive_rate": 1.0, "optimizer": "adam", "initial": text}
    after, weights = stepped({**always, "steps": 2}, 20)
    jax.tree.map(lambda each, begun: np.testing.assert_array_equal(each, begun + np.zeros_like(each)), after, weights)


def test_a_run_learns_what_is_rewarded(text: dict[str, Any]) -> None:
    """Whole: planned, run, and observed at the probes."""
    process = {**SMALL, "initial": text, "update": "policy_gradient", "group_size": 8, "batch_size": 32}
    scored = {"reward": "score", "scores": [1.0, 0.0, 0.0], "learning_rate": 0.1, "optimizer": "adam"}
    sweep = {
        "process": {**process, **scored, "width": 4},
        "generations": 30,
        "record": {"every": 15, "logits": True},
        "observables": ["entropy"],
    }
    data = jc.run(jc.Sweep.from_dict(sweep), progress=False, devices=jax.local_devices()[:1])
    first = probabilities(data)[0, :, 0, 0]  # the first probe is the beginning of a trace
    assert first[0] < 0.6
    assert first[-1] > 0.95


@pytest.mark.parametrize(
    ("process", "told"),
    [
        ({"correct": "head", "correct_tokens": None}, "correct: 'head' with model = 'sequence': is a set of each row"),
        ({"correct_tokens": [[0], [1], [2]]}, "correct_tokens: lists of tokens, one for each row of a table: with"),
        ({"batch_size": float("inf")}, "batch_size: inf: the traces of a network are too many for an exact"),
        ({"batch_size": 3}, "batch_size: 3 traces; update = 'policy_gradient' needs a multiple of group_size = 2"),
    ],
)
def test_what_has_no_meaning_is_refused(process: dict[str, Any], told: str, text: dict[str, Any]) -> None:
    given = {name: value for name, value in {**SMALL, **COMMON, "initial": text, **process}.items() if value}
    with pytest.raises(jc.InputError, match=told):
        jc.Sweep.from_dict({"process": given})


def test_rewards_have_no_exact_mean(text: dict[str, Any]) -> None:
    sweep = {"process": {**SMALL, **COMMON, "initial": text}, "observables": ["mean_reward"]}
    with pytest.raises(jc.InputError, match="'mean_reward' is for model = "):
        jc.plan(jc.Sweep.from_dict(sweep))
