"""A study gets more generations: its trajectories go on from where they were, with the bits of an undisturbed run."""

import time
from pathlib import Path
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.execute import local
from jaxcollapse.process.self_training import State
from jaxcollapse.program.kernel import _in_store, _restored
from jaxcollapse.program.state_words import packed
from jaxcollapse.store import foreign, shard
from jaxcollapse.store.study import Study
from jaxcollapse.system.atomic import seal
from tests.store.test_shard import flip
from tests.support.engines import xla_alone
from tests.support.studies import assert_same_numbers, shards, stamps

PROCESSES: dict[str, dict[str, Any]] = {
    "native code": {"batch_size": 4},
    "a refit, which absorbs": {"update": "refit", "samples": 6},
    "moments that are carried": {"optimizer": "adam", "optimizer_state": "carried", "batch_size": 4, "reset_every": 5},
    "a schedule": {"schedule": "cosine", "schedule_time": 8.0, "batch_size": 4},
    "all samples so far": {"corpus": "accumulate", "update": "refit", "samples": 16, "sample_growth": 0.5},
    "a window": {"corpus": "window", "window": 3, "update": "refit", "samples": 10},
    "shared parameters": {
        "model": "markov",
        "parameters": "lowrank",
        "rank": 2,
        "trace_length": 5,
        "vocab_size": 5,
        "batch_size": 4,
    },
    "its own p0": {"initial": {"kind": "dirichlet", "concentration": 0.5, "shared": False}, "batch_size": 4},
    "prompts of their own hardness": {
        "model": "persona",
        "chooser": "fixed",
        "trace_length": 1,
        "update": "policy_gradient",
        "batch_size": 8,
        "group_size": 4,
        "initial_accuracy": 0.3,
        "accuracy_concentration": 4.0,
    },
    "numbers that overflow": {"optimizer": "sgd", "learning_rate": 3e38, "batch_size": 4},
}
SGD = PROCESSES["native code"]
OBSERVED = {"shared parameters": ["unvisited_drift", "entropy_rate"]}


def sweep_of(generations: int, given: dict[str, Any], **top: Any) -> jc.Sweep:
    return jc.Sweep.from_dict(
        {
            "generations": generations,
            "replicates": 3,
            "record": {"every": 2, "state": True, "logits": True},
            "observables": ["entropy", "kl_from_initial", "support_size", "events"],
            "process": {"vocab_size": 12, **given},
            "axes": {"temperature": [0.7, 1.0]},
            **top,
        }
    )


def run(sweep: jc.Sweep, folder: Path | None = None) -> xr.Dataset:
    with jc.run(sweep, folder, chunk_size=4, progress=False) as data:
        return data.load()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The generations that are computed from now on: trajectories of each tile times generations."""
    made = list[int]()
    tile = local.run_tile

    def counted(plan: Any, chunk: Any, part: slice, *rest: Any) -> Any:
        made.append((part.stop - part.start) * int(plan.gaps(chunk).sum()))
        return tile(plan, chunk, part, *rest)

    monkeypatch.setattr(local, "run_tile", counted)
    return made


@pytest.mark.parametrize("name", PROCESSES)
def test_trajectories_go_on_bit_for_bit(name: str, tmp_path: Path, steps: list[int]) -> None:
    """The last generation of a study may be one that the longer study does not record."""
    observables = {"observables": ["entropy", "kl_from_initial", "events", *OBSERVED.get(name, [])]}
    run(sweep_of(7, PROCESSES[name], **observables), tmp_path)
    first = stamps(shards(tmp_path))
    steps.clear()
    longer = run(sweep_of(11, PROCESSES[name], **observables), tmp_path)
    assert sum(steps) == 4 * longer.status.size, "only new generations are computed"
    assert_same_numbers(run(sweep_of(11, PROCESSES[name], **observables)), longer)
    assert stamps(shards(tmp_path)).items() >= first.items(), "what was stored is as it was"


def test_they_do_without_native_code(tmp_path: Path) -> None:
    with xla_alone():
        run(sweep_of(6, SGD), tmp_path)
        assert_same_numbers(run(sweep_of(10, SGD)), run(sweep_of(10, SGD), tmp_path))


def test_a_scale_that_is_kept_apart_goes_on(tmp_path: Path) -> None:
    """And a state that was stored without one has the scale 1."""
    given, axes = {"update": "refit", "samples": float("inf")}, {"temperature": [1e-6, 1e6]}
    run(sweep_of(7, given, axes=axes), tmp_path)
    assert_same_numbers(run(sweep_of(11, given, axes=axes)), run(sweep_of(11, given, axes=axes), tmp_path))
    state = State(jnp.zeros((1, 3)), None, None, jnp.int32(3), None, jnp.int32(5))
    carry = state, {"collapse_time": jnp.int32(2)}
    words = packed(_in_store(carry))
    assert int(_restored(words, carry)[0].octaves) == 5
    state, times = _restored(words[:-1], (state._replace(octaves=jnp.int32(0)), carry[1]))
    assert (int(state.generation), int(state.octaves), int(times["collapse_time"])) == (3, 0, 2)


def test_it_can_go_on_more_than_once(tmp_path: Path) -> None:
    for generations in (2, 4, 7, 12):
        data = run(sweep_of(generations, SGD), tmp_path)
    assert_same_numbers(run(sweep_of(12, SGD)), data)


def test_no_state_is_read_while_a_shard_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """netCDF is not safe in several threads."""
    at_work, most = list[str](), list[int]()

    def watched(module: ModuleType, name: str) -> None:
        function = getattr(module, name)

        def alone(*arguments: Any) -> Any:
            at_work.append(name)
            most.append(len(at_work))
            time.sleep(0.02)
            try:
                return function(*arguments)
            finally:
                at_work.remove(name)

        monkeypatch.setattr(module, name, alone)

    run(sweep_of(4, SGD, replicates=16), tmp_path)
    watched(shard, "write_dataset")
    watched(foreign, "open_netcdf")
    run(sweep_of(8, SGD, replicates=16), tmp_path)
    assert len(most) > 10
    assert max(most) == 1


def test_a_study_grows_in_every_direction_at_once(tmp_path: Path, steps: list[int]) -> None:
    """More generations, replicates, and values, of which one needs a larger vocabulary."""
    run(sweep_of(4, SGD), tmp_path)
    steps.clear()
    axes = {"temperature": [0.7, 0.8, 1.0], "vocab_size": [12, 40]}
    grown = sweep_of(8, SGD, replicates=4, axes=axes, process=SGD)
    data = run(grown, tmp_path)
    assert sum(steps) == 4 * 6 + 8 * (4 * 6 - 6)
    assert_same_numbers(run(grown), data)


def test_what_was_missing_or_is_damaged_is_computed_from_the_start(tmp_path: Path, steps: list[int]) -> None:
    run(sweep_of(4, SGD), tmp_path)
    damaged, *others = shards(tmp_path)
    flip(0.5)(damaged, damaged)
    steps.clear()
    data = run(sweep_of(8, SGD), tmp_path)
    held = sum(4 if path == others[0] or len(others) > 1 else 2 for path in others)
    assert sum(steps) == 4 * held + 8 * (6 - held)
    assert_same_numbers(run(sweep_of(8, SGD)), data)


def test_a_run_that_is_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(sweep_of(4, SGD), tmp_path)
    stored = list[Path]()
    write = Study.write

    def full(self: Study, result: Any) -> Path:
        if stored:
            raise OSError(28, "No space left on device")
        stored.append(write(self, result))
        return stored[0]

    with monkeypatch.context() as patch:
        patch.setattr(Study, "write", full)
        with pytest.raises(OSError, match="No space"):
            run(sweep_of(8, SGD), tmp_path)
    kept = stamps(stored)
    with jc.open_study(tmp_path) as data:
        assert data.sizes["generation"] == 3, "the dataset of fewer generations stays while it holds more"
    assert Study.open(tmp_path).summary()["bad_shards"] == {}
    assert_same_numbers(run(sweep_of(8, SGD)), run(sweep_of(8, SGD), tmp_path))
    assert stamps(stored) == kept


def test_a_state_of_another_process_is_refused(tmp_path: Path) -> None:
    """Whoever has sealed it."""
    run(sweep_of(4, SGD), tmp_path)
    for path in shards(tmp_path):
        with xr.open_dataset(path, decode_cf=False) as data:
            cut = data.load().isel(word=slice(1, None))
        encoding = {name: {"zlib": True, "chunksizes": variable.shape} for name, variable in cut.data_vars.items()}
        cut.to_netcdf(path, encoding=encoding)
        seal(path)
    with pytest.raises(jc.InputError, match="another process wrote it"):
        run(sweep_of(8, SGD), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({"every": 2}, {"every": 2}, r"begun with record = \{ every = ., state = true \}"),
        ({"every": 2, "state": True}, {"every": 2}, "state is True in the study and False in the sweep"),
        ({"every": 2, "state": True}, {"every": 1, "state": True}, "generation 1 was not recorded"),
    ],
)
def test_what_cannot_go_on_is_refused(old: dict[str, Any], new: dict[str, Any], told: str, tmp_path: Path) -> None:
    run(sweep_of(20, SGD, record=old), tmp_path)
    before = stamps(shards(tmp_path))
    with pytest.raises(jc.InputError, match=told):
        jc.run(sweep_of(64, SGD, record=new), tmp_path, progress=False)
    with pytest.raises(jc.InputError, match="generations is 20 in the study and 10 in the sweep"):
        jc.run(sweep_of(10, SGD, record=old), tmp_path, progress=False)
    assert stamps(shards(tmp_path)) == before
