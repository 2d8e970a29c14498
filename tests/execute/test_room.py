"""Where a device has no memory for as many trajectories at once as planned, half as many are computed at once."""

import logging
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import jaxcollapse as jc
from jaxcollapse.execute import local
from jaxcollapse.planning import Chunk, Plan
from jaxcollapse.program.kernel import Recorded
from tests.support.studies import assert_same_numbers

SWEEP = jc.Sweep.from_dict(
    {
        "generations": 6,
        "replicates": 600,
        "record": {"every": 3, "logits": True},
        "observables": ["entropy", "collapse_time"],
        "process": {"vocab_size": 128, "batch_size": 8},
    }
)


def short_of_memory(monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Device calls of more lanes than this ask for 64 TiB besides, which no device has; gives the lanes of others."""
    run_tile, lanes_run = local.run_tile, list[int]()

    def greedy(
        plan: Plan, chunk: Chunk, part: slice, lanes: int, call: jax.stages.Compiled, device: jax.Device
    ) -> Recorded:
        if lanes > most:
            jax.jit(lambda: jnp.zeros((2**14, 2**30), jnp.float32))().block_until_ready()
        lanes_run.append(lanes)
        return run_tile(plan, chunk, part, lanes, call, device)

    monkeypatch.setattr(local, "run_tile", greedy)
    return lanes_run


def test_fewer_at_once_give_the_same_numbers(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    devices = jax.local_devices()[:1]
    roomy = jc.run(SWEEP, devices=devices, progress=False)
    lanes = short_of_memory(monkeypatch, most=128)
    with caplog.at_level(logging.WARNING):
        short = jc.run(SWEEP, devices=devices, progress=False)
    assert_same_numbers(roomy, short)
    assert set(lanes) == {128}
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, "once for each halving, whatever the number of calls"
    assert "has too little memory for 512 trajectories at once; continuing with 256 (RESOURCE_EXHAUSTED" in said[0]
    assert "has too little memory for 256 trajectories at once; continuing with 128 (RESOURCE_EXHAUSTED" in said[1]


def test_a_device_without_memory_for_even_a_few_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(monkeypatch, most=0)
    with pytest.raises(
        MemoryError,
        match=r"has too little memory for 64 trajectories of 128 tokens at once; "
        r"record fewer",
    ):
        jc.run(SWEEP, progress=False)


def test_other_errors_are_no_reason_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> Recorded:
        raise jax.errors.JaxRuntimeError("INTERNAL: a cable is loose")

    monkeypatch.setattr(local, "run_tile", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="a cable is loose"):
        jc.run(SWEEP, progress=False)
