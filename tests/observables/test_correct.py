"""Which share of traces is correct, and how often one of k is: by going through all traces of a small model."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcollapse.observables.snapshot import ATTEMPTS
from jaxcollapse.walks.categorical import Categorical
from jaxcollapse.walks.markov import Markov
from jaxcollapse.walks.persona import Persona
from jaxcollapse.walks.walk import Numbers, Walk
from tests.reference.traces import Trace, is_correct, of_chain, of_personas
from tests.support.one_device import run, table
from tests.support.sweeps import values

MASSES = np.array([0.7, 0.3])
PERSONAS = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
BY_PERSONA = np.array([[0.7, 0.3, 0.0], *PERSONAS])
CHAIN = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.3, 0.3, 0.4]])
CORRECT = np.array([[True, True, True], [True, False, True], [False, True, True], [True, True, False]])
MODELS: dict[str, tuple[Walk, np.ndarray, list[Trace], int, int]] = {
    "personas": (Persona(2), BY_PERSONA, list(of_personas(BY_PERSONA, 3)), 3, -1),
    "prompts": (Persona(2, chooser="fixed"), BY_PERSONA, list(of_personas(BY_PERSONA, 3)), 3, -1),
    "chain": (Markov(3), CHAIN, list(of_chain(CHAIN, 4)), 4, -1),
    "chain that ends": (Markov(3), CHAIN, list(of_chain(CHAIN, 4, end=2)), 4, 2),
    "chains of prompts": (Markov(3, "fixed"), CHAIN, list(of_chain(CHAIN, 4, end=2)), 4, 2),
}


@pytest.mark.parametrize("needs", ["all", "last", "any"])
@pytest.mark.parametrize("model", MODELS)
def test_the_probability_of_a_correct_trace_is_a_sum_over_all_traces(model: str, needs: str) -> None:
    walk, rows, traces, length, end = MODELS[model]
    with np.errstate(divide="ignore"):
        logits = jnp.asarray(np.log(rows), jnp.float32)
    weights, solved = walk.solved(
        logits, jnp.asarray(CORRECT[: len(rows)]), needs, Numbers(jnp.int32(length), jnp.int32(end))
    )
    prompts = [traces]
    if not walk.learns_start:
        prompts = [[trace for trace in traces if trace.pairs[0][1] == first] for first in range(len(solved))]
    mass = [sum(trace.chance for trace in prompt) for prompt in prompts]
    right = [
        sum(trace.chance for trace in prompt if is_correct(trace, CORRECT, needs, end)) / total
        for prompt, total in zip(prompts, mass, strict=True)
    ]
    np.testing.assert_allclose(weights, mass, rtol=1e-5)
    np.testing.assert_allclose(solved, right, rtol=1e-5)


def test_the_certain_and_the_impossible() -> None:
    """Every token correct, and none; one token alone is possible."""
    logits, numbers = jnp.log(jnp.asarray([[1.0, 0.0, 0.0]])), Numbers(jnp.int32(1), jnp.int32(-1))
    for correct, expected in (([True, False, False], 1.0), ([False, True, True], 0.0)):
        weights, solved = Categorical().solved(logits, jnp.asarray([correct]), "all", numbers)
        assert (float(weights[0]), float(solved[0])) == (1.0, expected)


PROMPTS: dict[str, Any] = {
    "model": "persona",
    "initial": table(PERSONAS, weights=MASSES.tolist()),
    "trace_length": 1,
    "update": "policy_gradient",
    "batch_size": 16,
    "correct": "listed",
    "correct_tokens": [0],
}


def measured(process: dict[str, Any]) -> np.ndarray:
    """pass@k at generation 0 [k]."""
    data = run(process, generations=1, observables=["accuracy", "pass_at_k"], record={"every": 1})
    assert data.k.values.tolist() == list(ATTEMPTS)
    assert data.pass_at_k.dims[-2:] == ("generation", "k")
    np.testing.assert_allclose(data.pass_at_k.sel(k=1), data.accuracy, rtol=1e-5)
    found: np.ndarray = data.pass_at_k.isel(replicate=0, generation=0).values
    return found


def test_one_of_k_is_correct_prompt_by_prompt() -> None:
    """1 − E (1 − accuracy)^k over prompts; a model that chooses its persona itself has one accuracy."""
    k, right = np.array(ATTEMPTS), PERSONAS[:, 0]
    np.testing.assert_allclose(measured({**PROMPTS, "chooser": "fixed"}), 1 - MASSES @ (1 - right[:, None]) ** k, 1e-5)
    np.testing.assert_allclose(measured(PROMPTS), 1 - (1 - MASSES @ right) ** k, 1e-5)


def test_rare_answers_are_found_among_many() -> None:
    """An accuracy of 1e-9 is k · 1e-9 among k."""
    rare = {"initial": values([1e-9, 0.5, 0.5]), "correct": "listed", "correct_tokens": [0]}
    found = measured({"update": "policy_gradient", "batch_size": 16, **rare})
    np.testing.assert_allclose(found, 1e-9 * np.array(ATTEMPTS), rtol=1e-4)


def test_a_sweep_chooses_its_own_numbers_of_attempts() -> None:
    """In the order of the file, beside an axis; and what else is recorded has the same bits."""
    k, right = [1, 5, 3, 1_000_000], PERSONAS[:, 0]
    common: dict[str, Any] = {"generations": 1, "record": {"every": 1, "logits": True}}
    process, axes = {**PROMPTS, "chooser": "fixed"}, {"learning_rate": [0.1, 0.2]}
    data = run(process, axes, observables=["accuracy", "pass_at_k"], pass_at=k, **common)
    assert data.k.values.tolist() == k
    assert data.pass_at_k.dims == ("learning_rate", "replicate", "generation", "k")
    found = data.pass_at_k.isel(learning_rate=0, replicate=0, generation=0)
    np.testing.assert_allclose(found, 1 - MASSES @ (1 - right[:, None]) ** np.array(k), rtol=1e-5)
    usual = run(process, axes, observables=["accuracy", "pass_at_k"], **common)
    np.testing.assert_array_equal(usual.pass_at_k.sel(k=1), data.pass_at_k.sel(k=1))
    np.testing.assert_array_equal(usual.logits, data.logits)


@pytest.mark.parametrize(
    ("needs", "of_two"), [("all", lambda p: p**2), ("last", lambda p: p), ("any", lambda p: p * (2 - p))]
)
def test_each_persona_has_an_accuracy_of_its_own(needs: str, of_two: Callable[[np.ndarray], np.ndarray]) -> None:
    """Of traces of two tokens; whether or not the choice of a persona is trained; and accuracy is their mean."""
    several = {**PROMPTS, "trace_length": 2, "correct_trace": needs}
    for chooser in ("fixed", "learned"):
        process = {**several, "chooser": chooser}
        data = run(process, generations=1, observables=["accuracy", "persona_accuracy"], record={"every": 1})
        found = data.persona_accuracy.isel(replicate=0, generation=0).values
        np.testing.assert_allclose(found, of_two(PERSONAS[:, 0]), rtol=1e-5)
        np.testing.assert_allclose(found @ MASSES, data.accuracy.isel(replicate=0, generation=0).values, rtol=1e-5)
