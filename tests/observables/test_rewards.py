"""The mean reward is the sum over all traces, or all groups, of their chance times their reward."""

from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.errors import InputError
from jaxcollapse.parts.plugin import LOADED, forget
from jaxcollapse.process.selection import has_known_mean
from jaxcollapse.walks.categorical import Categorical
from jaxcollapse.walks.walk import Numbers
from tests.observables.test_correct import BY_PERSONA, CHAIN, MASSES, MODELS, PERSONAS, PROMPTS
from tests.reference.laws import tempered
from tests.reference.traces import reward
from tests.support.one_device import run, table
from tests.support.sweeps import values

P0 = np.array([0.35, 0.25, 0.2, 0.15, 0.05])
Q = tempered(P0, 0.7)
SCORES = np.array([1.0, -0.5, 2.0, 0.0, 3.0])
RATES = {"true_positive_rate": 0.9, "false_positive_rate": 0.2}
RIGHT = {"correct": "listed", "correct_tokens": [1, 3]}
TRAINED: dict[str, Any] = {
    "initial": values(P0),
    "update": "policy_gradient",
    "temperature": 0.7,
    "batch_size": 8,
    "group_size": 4,
    **RIGHT,
}
ONCE: dict[str, Any] = {"generations": 2, "replicates": 2, "record": {"every": 1, "logits": True}}


def mean(process: dict[str, Any], name: str = "mean_reward") -> Any:
    """At generation 0."""
    return run(process, observables=[name], **ONCE)[name].isel(replicate=0, generation=0).values


def share_of_majority(law: np.ndarray, group: int) -> float:
    """E max n / G, group by group."""
    found = 0.0
    for drawn in product(range(len(law)), repeat=group):
        found += float(np.prod(law[list(drawn)])) * np.bincount(drawn).max() / group
    return found


@pytest.mark.parametrize("model", MODELS)
def test_the_mean_score_of_a_trace_is_a_sum_over_all_traces(model: str) -> None:
    walk, rows, traces, length, end = MODELS[model]
    scores = np.random.default_rng(3).normal(size=rows.shape).astype(np.float32)
    with np.errstate(divide="ignore"):
        logits = jnp.asarray(np.log(rows), jnp.float32)
    weights, found = walk.scored(logits, jnp.asarray(scores), Numbers(jnp.int32(length), jnp.int32(end)))
    prompts = [traces]
    if not walk.learns_start:
        prompts = [[trace for trace in traces if trace.pairs[0][1] == first] for first in range(len(found))]
    mass = np.array([sum(trace.chance for trace in prompt) for prompt in prompts])
    told = [sum(trace.chance * reward(trace, scores) for trace in prompt) for prompt in prompts]
    np.testing.assert_allclose(weights, mass, rtol=1e-5)
    np.testing.assert_allclose(found, told / mass, rtol=1e-5, atol=1e-6)


def test_an_impossible_token_has_no_part_in_the_mean() -> None:
    logits, scores = jnp.asarray([[0.0, 0.0, -jnp.inf]]), jnp.asarray([[1.0, 2.0, -jnp.inf]])
    numbers = Numbers(jnp.int32(1), jnp.int32(-1))
    assert float(Categorical().scored(logits, scores, numbers)[1][0]) == 1.5


REWARDS: dict[str, tuple[dict[str, Any], float]] = {
    "verifier": (RATES, 0.9 * Q[[1, 3]].sum() + 0.2 * Q[[0, 2, 4]].sum()),
    "coin": ({"reward": "coin"}, 0.5),
    "score": ({"reward": "score", "scores": SCORES.tolist(), "reward_scale": 2.0}, 2 * Q @ SCORES),
    "likelihood": ({"reward": "likelihood"}, Q @ np.log(P0)),
    "majority": ({"reward": "majority"}, share_of_majority(Q, 4)),
    "truncated": ({**RATES, "top_k": 2}, 0.9 * Q[1] / (Q[0] + Q[1]) + 0.2 * Q[0] / (Q[0] + Q[1])),
    "selecting verifier": (
        {**RATES, "update": "gradient", "group_size": None},
        0.9 * Q[[1, 3]].sum() + 0.2 * Q[[0, 2, 4]].sum(),
    ),
    "curation": (
        {
            "update": "gradient",
            "curation": "argmax",
            "reward": "score",
            "scores": SCORES.tolist(),
            "group_size": None,
            "correct": None,
            "correct_tokens": None,
        },
        Q @ SCORES,
    ),
}


@pytest.mark.parametrize("name", REWARDS)
def test_each_reward_has_the_mean_that_its_definition_says(name: str) -> None:
    process, told = REWARDS[name]
    given = {key: value for key, value in {**TRAINED, **process}.items() if value is not None}
    np.testing.assert_allclose(mean(given), told, rtol=2e-5)


def test_the_largest_group_and_the_likeliest_answer() -> None:
    """Sixty-four traces: beside a million groups; and a single answer is its own majority."""
    drawn = np.random.default_rng(5).multinomial(64, Q, 1_000_000).max(axis=1) / 64
    found = mean({**TRAINED, "reward": "majority", "group_size": 64, "batch_size": 64})
    assert abs(found - drawn.mean()) < 4 * drawn.std() / 1000
    sure = {**TRAINED, "initial": values([1 - 4e-9, *[1e-9] * 4]), "reward": "majority"}
    np.testing.assert_allclose(mean(sure), 1, atol=1e-6)


def test_the_likelihood_is_that_of_the_present_model() -> None:
    data = run({**TRAINED, "reward": "likelihood"}, observables=["mean_reward"], **ONCE)
    log_p = data.logits.values.astype(float)
    log_p -= np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
    q = np.exp(log_p / 0.7)
    q /= q.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(data.mean_reward, (q * log_p).sum(axis=-1), rtol=1e-5)


@pytest.mark.parametrize("name", ["verifier", "score", "majority"])
def test_prompts_have_means_of_their_own(name: str) -> None:
    """The reward of each prompt at its own row, and their mean with the weights of prompts."""
    process = {**PROMPTS, "group_size": 4, "chooser": "fixed", "reward": name}
    told = {
        "verifier": PERSONAS[:, 0],
        "score": PERSONAS @ SCORES[:3],
        "majority": np.array([share_of_majority(row, 4) for row in PERSONAS]),
    }[name]
    if name == "score":
        process["scores"] = SCORES[:3].tolist()
        process = {key: value for key, value in process.items() if not key.startswith("correct")}
    found = mean(process, "persona_reward")
    np.testing.assert_allclose(found, told, rtol=1e-5)
    np.testing.assert_allclose(mean(process), MASSES @ found, rtol=1e-5)


def test_personas_that_are_chosen_vote_together() -> None:
    process = {**PROMPTS, "group_size": 4, "reward": "majority"}
    np.testing.assert_allclose(mean(process), share_of_majority(MASSES @ PERSONAS, 4), rtol=1e-5)
    assert np.isnan(mean(process, "persona_reward")).all()


@pytest.fixture
def noisy() -> Any:
    @jc.reward
    def noisy(judged: Any, key: Any, spread: float = 0.5) -> Any:
        return spread * jnp.ones(judged.logits.shape[-1])

    yield noisy
    for name in list(LOADED):
        forget(name)


CHAINED = {"model": "markov", "initial": table(CHAIN), "trace_length": 3, "update": "policy_gradient", "batch_size": 16}
WITHOUT: dict[str, dict[str, Any]] = {
    "no reward": {"initial": values(P0)},
    "random numbers": {**TRAINED, "reward": "noisy"},
    "votes of a chain": {**CHAINED, "reward": "majority"},
    "a large group": {**TRAINED, "reward": "majority", "group_size": 65, "batch_size": 65},
}


@pytest.mark.parametrize("case", WITHOUT)
def test_a_mean_that_is_not_known_is_refused_with_the_reason(case: str, noisy: Any) -> None:
    for name in ("mean_reward", "rewards"):
        with pytest.raises(InputError, match=f"observables: '{name}' is for cells with update = 'policy_gradient'"):
            jc.Sweep.from_dict({"process": WITHOUT[case], "observables": [name]})
    everything = jc.Sweep.from_dict({"process": WITHOUT[case], "observables": ["all"]}).chosen
    assert not [entry.name for entry in everything if entry.of_rewards]


def test_cells_without_rewards_have_no_mean_beside_others_that_do(noisy: Any) -> None:
    """Cells and programs agree on where the mean is known."""
    rewards = ["verifier", "coin", "majority", "noisy"]
    rows: dict[str, list[Any]] = {
        "update": ["policy_gradient"] * 4 + ["gradient", "gradient", "refit"],
        "reward": [*rewards, "likelihood", "likelihood", "likelihood"],
        "false_positive_rate": [0.0] * 4 + [1.0, 0.5, 1.0],
    }
    sweep = jc.Sweep.from_dict(
        {"process": {"initial": values(P0)}, "axes": {"way": {"zip": rows}}, "observables": ["rewards"], **ONCE}
    )
    known = [True, True, True, False, False, True, False]
    assert has_known_mean(sweep.grid).tolist() == known
    data = jc.run(sweep, progress=False)
    assert data.mean_reward.notnull().all(["replicate", "generation"]).values.tolist() == known
    assert data.mean_reward.isnull().all(["replicate", "generation"]).values.tolist() == [not each for each in known]


def test_what_is_asked_for_changes_no_bit_of_the_trajectories() -> None:
    """Whole trajectories in one call of native code, or a call for each record."""
    common = {**ONCE, "generations": 20, "replicates": 8}
    one = run(TRAINED, observables=["entropy", "events"], **common)
    two = run(TRAINED, observables=["entropy", "events", "rewards", "answers"], **common)
    for name in ("entropy", "logits", "collapse_time", "first_extinction_time", "half_life"):
        np.testing.assert_array_equal(one[name], two[name], name)


def test_rows_of_traces_are_judged_as_wholes() -> None:
    """Personas of three tokens, all of which must be right, at the sampling temperature."""
    process = {
        **PROMPTS,
        "initial": table(BY_PERSONA[1:], weights=MASSES.tolist()),
        "trace_length": 3,
        "temperature": 0.7,
    }
    each = np.array([tempered(row, 0.7)[0] ** 3 for row in PERSONAS])
    np.testing.assert_allclose(mean(process, "persona_reward"), each, rtol=1e-5)
    np.testing.assert_allclose(mean(process), tempered(MASSES, 0.7) @ each, rtol=1e-5)
