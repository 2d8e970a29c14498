"""A generation of a network: steps along the gradient of the mean loss of the tokens of the traces that it sees."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.planning import spec
from tests.reference import networks
from tests.reference.optimizers import RULES
from tests.support.engines import hurried_jit
from tests.support.sequences import Generation, small, text, weights
from tests.support.statistics import assert_counts

INF = float("inf")
RATE = 0.3
TRANSFORMER = partial(networks.transformer, heads=2, rotary=False)
CASES: dict[str, tuple[networks.Forward, dict[str, Any]]] = {
    "one trace": (TRANSFORMER, {"batch_size": 1}),
    "steps on fresh traces": (
        TRANSFORMER,
        {"batch_size": 5, "steps": 3, "prompt_length": 1, "end_token": "b", "fresh_fraction": 0.3, "temperature": 0.8},
    ),
    "epochs, and all terms of the loss": (
        TRANSFORMER,
        {
            "samples": 7,
            "batch_size": 3,
            "steps": 4,
            "end_token": "c",
            "prompt_length": 1,
            "entropy_bonus": 0.3,
            "reverse_kl": 0.4,
            "forward_kl": 0.2,
            "label_smoothing": 0.1,
        },
    ),
    "all traces at once, and Adam": (
        TRANSFORMER,
        {"samples": 6, "batch_size": INF, "steps": 2, "optimizer": "adam", "learning_rate": 0.03},
    ),
    "with replacement": (networks.gru, {"parameters": "gru", "samples": 4, "batch_size": 6, "replacement": True}),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text(tmp_path_factory.mktemp("text") / "text.txt")


def _made(path: Path, **fields: Any) -> Generation:
    return Generation(**small(path, **{"learning_rate": RATE, **fields}))


def _loss(
    forward: networks.Forward, original: Any, traces: np.ndarray, process: dict[str, Any], parameters: Any
) -> Any:
    """Of the tokens that were drawn: after the prompt, and up to the end."""
    place = np.arange(traces.shape[1])[None] >= process.get("prompt_length", 0)
    trace, place = np.nonzero((traces >= 0) & place)
    windows = np.maximum(traces, 0)
    log_p, log_q = (networks.log_p(forward(each, windows)[trace, place]) for each in (parameters, original))
    p, smoothing = np.exp(log_p), process.get("label_smoothing", 0.0)
    loss = -(1 - smoothing) * log_p[np.arange(len(trace)), traces[trace, place]] - smoothing * log_p.mean(axis=1)
    loss = loss + process.get("entropy_bonus", 0.0) * (p * log_p).sum(axis=1)
    loss = loss + process.get("reverse_kl", 0.0) * (p * (log_p - log_q)).sum(axis=1)
    loss = loss + process.get("forward_kl", 0.0) * (np.exp(log_q) * (log_q - log_p)).sum(axis=1)
    return loss.mean()


def _descended(
    forward: networks.Forward, original: Any, start: Any, steps: list[np.ndarray], process: dict[str, Any]
) -> Any:
    """The weights after steps on these traces, by a plain loop."""
    constants = {"learning_rate": RATE, "b1": 0.9, "b2": 0.999, "eps": 1e-8, **process}
    (leaves, structure), rule = jax.tree.flatten(start), RULES[process.get("optimizer", "sgd")]
    memories: list[dict[str, Any]] = [{} for _ in leaves]
    for traces in steps:
        loss = partial(_loss, forward, original, traces, process)
        slopes = jax.tree.leaves(networks.slope(loss, jax.tree.unflatten(structure, leaves)))
        leaves = [rule(*each, constants) for each in zip(leaves, slopes, memories, strict=True)]
    return jax.tree.unflatten(structure, leaves)


def _assert_near(found: Any, expected: Any) -> None:
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-8, atol=1e-11), found, expected)


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_those_of_a_plain_loop(name: str, path: Path) -> None:
    """In double precision, from the traces that were drawn."""
    forward, process = CASES[name]
    made = _made(path, **process)
    start = weights(made.network, made.places)
    found, steps = made.of(start)
    assert len(steps) == process.get("steps", 1)
    assert {len(step) for step in steps} == {process["samples" if process["batch_size"] == INF else "batch_size"]}
    _assert_near(found, _descended(forward, made.original, start, steps, process))
    assert (
        max(np.abs(one - other).max() for one, other in zip(*map(jax.tree.leaves, (found, start)), strict=True)) > 0.01
    )


def _rows(*steps: np.ndarray) -> Counter[tuple[int, ...]]:
    return Counter(tuple(row) for step in steps for row in step.tolist())


def test_each_stored_trace_is_used_once_in_an_epoch(path: Path) -> None:
    """In an order of its own; and where fewer are left than a step takes, another epoch begins."""
    stored = {"samples": 7, "context_length": 8, "temperature": 2.0}
    made = _made(path, **stored, batch_size=3, steps=8)
    start = weights(made.network, made.places)
    _, (everything,) = _made(path, **stored, batch_size=INF).of(start)
    assert max(_rows(everything).values()) == 1, "traces can be told apart"
    _, steps = made.of(start)
    orders = []
    for epoch in range(4):
        two = steps[2 * epoch : 2 * epoch + 2]
        assert _rows(*two) <= _rows(everything)
        orders.append(np.concatenate(two).tolist())
    assert all(one != other for place, one in enumerate(orders) for other in orders[:place])
    _, others = made.of(start, key=1)
    assert _rows(*others) != _rows(*steps)


def test_traces_with_replacement_are_independent(path: Path) -> None:
    """Each of them is one of those stored, all alike."""
    stored = {"samples": 5, "context_length": 6}
    made, whole = _made(path, **stored, batch_size=2000, replacement=True), _made(path, **stored, batch_size=INF)
    start = weights(made.network, 6)
    (_, (step,)), (_, (everything,)) = made.of(start), whole.of(start)
    counts, each = _rows(step), _rows(everything)
    assert set(counts) <= set(each)
    assert_counts(np.array([counts[trace] for trace in each]), 400 * np.array(list(each.values())))


def test_a_frozen_generator_draws_from_the_original(path: Path) -> None:
    """Whatever the model is; one that is reset learns from its own traces, but from the original's weights on."""
    frozen = _made(path, batch_size=8, generator="initial")
    start, other = (weights(frozen.network, 4, seed=seed) for seed in (2, 3))
    found, steps = frozen.of(start)
    np.testing.assert_array_equal(steps, frozen.of(other)[1])
    np.testing.assert_array_equal(steps, frozen.of(frozen.original)[1])
    _assert_near(found, _descended(TRANSFORMER, frozen.original, start, steps, {}))
    reset = _made(path, batch_size=8, reset_every=1)
    found, own = reset.of(start)
    assert _rows(*own) != _rows(*steps)
    _assert_near(found, _descended(TRANSFORMER, reset.original, reset.original, own, {}))


@pytest.mark.parametrize("name", ["steps on fresh traces", "epochs, and all terms of the loss"])
def test_how_many_traces_are_drawn_at_once_changes_nothing(
    name: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But roundings: the same traces in the same order, the same gradient."""
    _, process = CASES[name]
    results = []
    for size in (2, 16):
        monkeypatch.setattr(spec, "windows_at_once", lambda traces, size=size: size)
        made = _made(path, **process)
        results.append(made.of(weights(made.network, 4)))
    (one, few), (other, many) = results
    np.testing.assert_array_equal(np.array(few), np.array(many))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-11, atol=1e-13), one, other)


def test_it_is_taken_one_generation_at_a_time_by_hand(path: Path) -> None:
    """`jc.SelfTraining`: p0 is the network that has learned the text, and generations move it."""
    process = jc.SelfTraining(**small(path, batch_size=2))
    key = jax.random.key(0)
    start = process.init(key)
    np.testing.assert_array_equal(start.model.parameters.tokens[3:], 0)  # padding

    @hurried_jit
    def generation(key: jax.Array, state: Any) -> tuple[Any, Any, Any]:
        state, info = process.step(key, state)
        return state, info, process.measure(state, "kl_from_initial", "distinct_2")

    state, info, measured = generation(key, start)
    assert (int(info.generation), bool(info.is_finite), info.logits.shape) == (1, True, (6, 3))
    np.testing.assert_allclose(info.logits, process.logits(state), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(state.model.parameters.tokens[3:], 0)
    assert float(measured["kl_from_initial"]) > 0
    assert 0 < float(measured["distinct_2"]) <= 1
    jax.tree.map(np.testing.assert_array_equal, generation(key, start)[0], state)
