"""`jaxcollapse.SelfTraining`: one trajectory by hand is the one that a run computes."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.execute.tile import cell_keys
from jaxcollapse.program.kernel import trajectory_key
from tests.support.engines import hurried_jit

GENERATIONS = 12
PROCESSES: dict[str, dict[str, Any]] = {
    "sgd": {"vocab_size": 20, "temperature": 0.9, "batch_size": 4},
    "refit": {"vocab_size": 20, "update": "refit", "samples": 64},
    "adam, accumulated": {
        "vocab_size": 20,
        "optimizer": "adam",
        "corpus": "accumulate",
        "samples": 16,
        "batch_size": 4,
    },
    "expectation": {"vocab_size": 20, "batch_size": float("inf"), "temperature": 1.1},
    "personas": {"model": "persona", "personas": 3, "vocab_size": 8, "trace_length": 4},
    "low rank": {"vocab_size": 16, "model": "persona", "personas": 3, "parameters": "lowrank", "rank": 2},
    "real data": {"vocab_size": 20, "update": "refit", "samples": 64, "fresh_fraction": 0.5},
}


def by_hand(process: jc.SelfTraining, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Logits at each generation, and the entropy."""

    def generation(state: Any, number: jax.Array) -> tuple[Any, tuple[jax.Array, jax.Array]]:
        state, info = process.step(jax.random.fold_in(key, number), state)
        return state, (info.logits, process.measure(state, "entropy")["entropy"])

    return jax.lax.scan(generation, process.init(key), jnp.arange(GENERATIONS))[1]


@pytest.mark.parametrize("name", PROCESSES)
def test_it_is_what_a_run_computes(name: str) -> None:
    """With the keys of the run. Native code and XLA differ in last bits, which tip a sample once in a million."""
    record = {"every": 1, "logits": True}
    told = {"replicates": 2, "generations": GENERATIONS, "record": record, "observables": ["entropy"]}
    sweep = jc.Sweep.from_dict({**told, "process": PROCESSES[name]})
    data = jc.run(sweep, progress=False).isel(generation=slice(1, None))
    trajectory = hurried_jit(partial(by_hand, jc.SelfTraining(**PROCESSES[name])))
    (cell,) = cell_keys(sweep.streams())
    for replicate in range(2):
        logits, entropy = map(np.asarray, trajectory(trajectory_key(cell, jnp.uint32(replicate))))
        expected = data.logits.isel(replicate=replicate).values
        p, q = (np.exp(each - each.max(axis=-1, keepdims=True)) for each in (logits, expected))
        np.testing.assert_allclose(p, q, rtol=2e-4, atol=1e-6)
        np.testing.assert_allclose(entropy, data.entropy.isel(replicate=replicate).values, rtol=1e-4, atol=1e-6)


def test_it_is_mapped_and_jitted_as_it_stands() -> None:
    process, keys = jc.SelfTraining(vocab_size=8, batch_size=2), jax.random.split(jax.random.key(0), 3)
    states = jax.vmap(process.init)(keys)
    mapped, info = jax.jit(jax.vmap(process.step))(keys, states)
    for place, key in enumerate(keys):
        alone, seen = process.step(key, process.init(key))
        np.testing.assert_allclose(info.logits[place], seen.logits, rtol=1e-6)
        assert seen.generation == 1
        assert seen.is_finite
        np.testing.assert_allclose(mapped.model.parameters[place], alone.model.parameters, rtol=1e-6)


def test_an_array_of_ones_own_is_p0() -> None:
    p = np.array([0.5, 0.3, 0.2])
    process = jc.SelfTraining(initial=p, update="refit", samples=float("inf"), temperature=0.5)
    key = jax.random.key(0)
    state = process.init(key)
    np.testing.assert_allclose(jax.nn.softmax(process.logits(state)), p, rtol=1e-6)
    state, info = process.step(key, state)
    np.testing.assert_allclose(jax.nn.softmax(info.logits), p**2 / np.sum(p**2), rtol=1e-5)
    assert float(process.measure(state, "effective_temperature")["effective_temperature"]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("process", "told"),
    [
        ({"temperatur": 1}, "process.temperatur: "),
        ({"momentum": 0.5}, "process.momentum: "),
        ({"initial": {"kind": "dirichlet"}}, "initial: is drawn for each trajectory; draw it first"),
    ],
)
def test_what_makes_no_sense_is_refused(process: dict[str, Any], told: str) -> None:
    with pytest.raises(jc.InputError, match=told):
        jc.SelfTraining(**process)


def test_a_state_has_no_times_of_events() -> None:
    process = jc.SelfTraining(vocab_size=4)
    state = process.init(jax.random.key(0))
    with pytest.raises(
        jc.InputError, match="'collapse_time' is the time of an event, which a single state does not have"
    ):
        process.measure(state, "collapse_time")
    assert repr(process) == "SelfTraining(vocab_size=4)"
