"""What is finished of a chunk is handed over before the rest where that takes long, or the run is to stop, or fails."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import jax
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.execute import Result, execute, local
from jaxcollapse.planning import Plan
from jaxcollapse.system.machine import Machine
from jaxcollapse.system.signals import Stop

TILES = 4


@pytest.fixture(scope="module")
def plan() -> Plan:
    """One chunk of four tiles, on one device."""
    settings: dict[str, Any] = {"vocab_size": 4096, "batch_size": 8}
    sweep = jc.Sweep.from_dict({"replicates": 32 * TILES - 1, "generations": 2, "process": settings, "axes": {}})
    made = jc.plan(sweep, devices=jax.local_devices()[:1])
    assert [len(chunk) for chunk in made.chunks] == [127]
    assert made.buckets[0].lanes == 32
    return made


@pytest.fixture(scope="module")
def whole(plan: Plan) -> Result:
    (result,) = execute(plan, lambda trajectories: None)
    return result


def assert_are_parts(parts: list[Result], whole: Result, plan: Plan) -> None:
    """What there is of a chunk is what it would have been as a whole, each trajectory once."""
    places = np.concatenate([part.chunk.replicates for part in parts])
    assert len(set(places.tolist())) == len(places)
    for name, values in whole.series.items():
        found = np.concatenate([part.series[name] for part in parts])
        np.testing.assert_array_equal(found, values[places], strict=True)
    for part in parts:
        assert part.chunk.claim == whole.chunk.id
        assert part.chunk.id == plan.name(part.chunk.cells, part.chunk.replicates)


def test_a_chunk_that_takes_long_is_given_in_parts(plan: Plan, whole: Result) -> None:
    parts = list(execute(plan, lambda trajectories: None, part_seconds=(0.0, 0.0)))
    assert len(parts) > 1
    assert_are_parts(parts, whole, plan)
    assert sum(len(part.chunk) for part in parts) == len(whole.chunk)


def test_what_is_finished_is_given_when_the_run_is_to_stop(
    plan: Plan, whole: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tiles at a time: all but the first go on only once what has not begun is cancelled."""
    stop, finished, parts, is_cancelled = Stop(), list[int](), list[Result](), Event()
    compute, shutdown = local.run_tile, ThreadPoolExecutor.shutdown

    def in_turn(plan: Plan, chunk: Any, part: slice, *rest: Any) -> Any:
        assert part.start == 0 or is_cancelled.wait(60)
        return compute(plan, chunk, part, *rest)

    def shut(pool: ThreadPoolExecutor, wait: bool = True, *, cancel_futures: bool = False) -> None:
        shutdown(pool, wait=wait, cancel_futures=cancel_futures)
        if cancel_futures:
            is_cancelled.set()

    monkeypatch.setattr(Machine, "cores", 2)
    monkeypatch.setattr(local, "run_tile", in_turn)
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shut)

    def advance(trajectories: int) -> None:
        finished.append(trajectories)
        stop.ask(RuntimeError("enough"))

    with pytest.raises(RuntimeError, match="enough"):
        parts.extend(execute(plan, advance, stop=stop))  # which keeps what comes before the error
    assert 0 < sum(finished) < len(whole.chunk), "what has not begun is left out"
    assert sum(len(part.chunk) for part in parts) == sum(finished)
    assert_are_parts(parts, whole, plan)


def test_what_is_finished_is_given_when_a_device_call_fails(
    plan: Plan, whole: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute, parts = local.run_tile, list[Result]()

    def third_fails(plan: Plan, chunk: Any, part: slice, *rest: Any) -> Any:
        if part.start == 64:
            raise MemoryError("no room")
        return compute(plan, chunk, part, *rest)

    monkeypatch.setattr(local, "run_tile", third_fails)
    with pytest.raises(MemoryError):
        parts.extend(execute(plan, lambda trajectories: None))  # which keeps what comes before the error
    assert 64 <= sum(len(part.chunk) for part in parts) < len(whole.chunk)
    assert_are_parts(parts, whole, plan)


def test_finished_tiles_wait_longer_only_in_long_runs() -> None:
    """What a kill loses beside the tiles that are being computed: seconds at first, later a twentieth of the time."""
    assert [local.pause_after(seconds, (3.0, 20.0)) for seconds in (0, 60, 100, 400, 10**6)] == [3, 3, 5, 20, 20]


SWEEPS = Path(__file__).parents[2] / "sweeps"
SHIPPED = sorted(
    set(SWEEPS.glob("*.toml")) - set(SWEEPS.glob("*_large.toml"))
)  # networks of those are for accelerators


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_tiles_of_shipped_sweeps_take_seconds(path: Path) -> None:
    """A tile is the least that a kill, or a second Ctrl-C, loses on each core; of planned times the longest."""
    plan = jc.plan(jc.Sweep.from_toml(path))
    for chunk in plan.chunks:
        lanes = min(plan.buckets[chunk.bucket].lanes, len(chunk))
        assert plan.seconds_of(chunk) * lanes / len(chunk) < 5
