"""A trajectory's numbers follow from its cell's values, the seed and its replicate number, and from nothing else."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxcollapse as jc

pytestmark = pytest.mark.optimised

PROCESS: dict[str, Any] = {"vocab_size": 48, "batch_size": 8, "learning_rate": 0.7}
AXES: dict[str, Any] = {"temperature": [0.8, 1.0, 1.3], "learning_rate": [0.7, 3.0]}
DEVICES = jax.local_devices()


def run(process: dict[str, Any], axes: dict[str, Any] | None = None, **options: Any) -> xr.Dataset:
    """Runs a sweep with its logits recorded; constants that are swept are dropped."""
    where = {key: options.pop(key) for key in ("directory", "devices", "chunk_size") if key in options}
    data: dict[str, Any] = {"observables": ["default"], "generations": 6, "replicates": 5, "seed": 3, **options}
    constants = {key: value for key, value in process.items() if key not in (axes or {})}
    data |= {"record": {"every": 3, "logits": True}, "process": constants, "axes": axes or {}}
    return jc.run(jc.Sweep.from_dict(data), progress=False, **where)


def assert_same_numbers(one: xr.Dataset, other: xr.Dataset) -> None:
    assert set(one.data_vars) == set(other.data_vars)
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=str(name), strict=True)


@pytest.fixture(scope="module")
def grid() -> xr.Dataset:
    return run(PROCESS, AXES)


@pytest.mark.parametrize("chunk_size", [1, 7, 64])
def test_the_chunk_size_changes_no_bit(grid: xr.Dataset, chunk_size: int) -> None:
    assert_same_numbers(grid, run(PROCESS, AXES, chunk_size=chunk_size))


@pytest.mark.parametrize("vocab_size", [80, 300, 4500, 10_000])
def test_every_lane_of_a_device_call_does_the_same_arithmetic(vocab_size: int) -> None:
    """What is left over from whole vectors may be compiled to other instructions: so no width leaves anything over."""
    process = {"vocab_size": vocab_size, "batch_size": 5, "learning_rate": 3.0, "initial": {"kind": "dirichlet"}}
    lanes = jc.plan(jc.Sweep.from_dict({"process": process})).buckets[0].lanes
    common: dict[str, Any] = {"replicates": lanes + 1, "generations": 20, "observables": ["all"]}
    common["devices"] = DEVICES[:1]
    whole, shifted = (run(process, {}, chunk_size=size, **common) for size in (lanes, lanes // 3 + 1))
    assert_same_numbers(whole, shifted)


@pytest.mark.parametrize("devices", [DEVICES[:1], DEVICES[1:2], DEVICES[1::-1]], ids=["first", "second", "swapped"])
def test_the_device_changes_no_bit(grid: xr.Dataset, devices: list[jax.Device]) -> None:
    assert len(devices) in (1, 2)
    assert_same_numbers(grid, run(PROCESS, AXES, devices=devices, chunk_size=4))


@pytest.mark.parametrize("temperature", AXES["temperature"])
@pytest.mark.parametrize("learning_rate", AXES["learning_rate"])
def test_a_cell_alone_is_the_cell_in_the_grid(grid: xr.Dataset, temperature: float, learning_rate: float) -> None:
    alone = run({**PROCESS, "temperature": temperature, "learning_rate": learning_rate})
    assert_same_numbers(alone, grid.sel(temperature=temperature, learning_rate=learning_rate))


def test_other_values_on_the_axes_change_no_bit(grid: xr.Dataset) -> None:
    more = run(PROCESS, {"temperature": [1.3, 0.9, 0.8, 1.0, 0.0], "learning_rate": [0.0, 3.0, 0.1, 0.7]})
    assert_same_numbers(grid, more.sel(temperature=AXES["temperature"], learning_rate=AXES["learning_rate"]))


def test_the_order_of_the_axes_changes_no_bit(grid: xr.Dataset) -> None:
    turned = run(PROCESS, dict(reversed(AXES.items())))
    assert turned.entropy.dims[:2] == ("learning_rate", "temperature")
    assert_same_numbers(grid, turned.transpose(*grid.logits.dims))


def test_more_replicates_change_no_bit(grid: xr.Dataset) -> None:
    assert_same_numbers(grid, run(PROCESS, AXES, replicates=11).sel(replicate=slice(0, 4)))


def test_a_constant_that_becomes_an_axis_changes_no_bit(grid: xr.Dataset) -> None:
    """Whether it was written down before or was a default."""
    swept = run(PROCESS, {**AXES, "batch_size": [8, 5], "fresh_fraction": [0.0], "optimizer": ["sgd"]})
    assert_same_numbers(grid, swept.sel(batch_size=8, fresh_fraction=0.0, optimizer="sgd"))


def test_zipped_values_are_those_of_a_grid(grid: xr.Dataset) -> None:
    tied = run(
        {"vocab_size": 48, "batch_size": 8},
        {"tied": {"zip": {"temperature": [1.3, 0.8], "learning_rate": [0.7, 3.0]}}},
    )
    for place, (temperature, rate) in enumerate([(1.3, 0.7), (0.8, 3.0)]):
        assert_same_numbers(grid.sel(temperature=temperature, learning_rate=rate), tied.isel(tied=place))


def test_a_study_cut_short_and_resumed_is_one_done_in_one_go(grid: xr.Dataset, tmp_path: Path) -> None:
    with run(PROCESS, AXES, directory=tmp_path / "s", chunk_size=7, devices=DEVICES[:1]) as first:
        assert_same_numbers(grid, first)
    shards = sorted((tmp_path / "s" / "shards").glob("*.nc"))
    for shard in shards[::2]:
        shard.unlink()
    with run(PROCESS, AXES, directory=tmp_path / "s", chunk_size=4, devices=DEVICES[1:]) as resumed:
        assert_same_numbers(grid, resumed)


FEW: dict[str, Any] = {"observables": ["entropy", "kl_to_initial"], "devices": DEVICES[:1], "replicates": 3}


@pytest.fixture(scope="module")
def vocabularies() -> xr.Dataset:
    return run({"batch_size": 20}, {"vocab_size": [1, 2, 48, 80, 272, 1000]}, **FEW)


@pytest.mark.parametrize("size", [1, 2, 48, 80, 272, 1000])
def test_a_vocabulary_alone_is_the_one_beside_others(vocabularies: xr.Dataset, size: int) -> None:
    """Padded ones and such as fill their width; beyond the vocabulary there is nothing."""
    alone = run({"batch_size": 20, "vocab_size": size}, **FEW)
    beside = vocabularies.sel(vocab_size=size)
    assert np.isnan(beside.logits.values[..., size:]).all()
    assert_same_numbers(alone, beside.isel(token=slice(0, size)))


REGIMES: dict[str, dict[str, Any]] = {
    "few traces": {"vocab_size": 48, "batch_size": 2},
    "many traces": {"vocab_size": 48, "batch_size": 5000},
    "refit": {"vocab_size": 48, "update": "refit", "samples": 30},
    "minibatches of a corpus": {"vocab_size": 48, "samples": 20, "batch_size": 6, "steps": 5},
    "a window of generations": {"vocab_size": 48, "update": "refit", "samples": 30, "corpus": "window", "window": 2},
    "its own p0": {"vocab_size": 48, "batch_size": 8, "initial": {"kind": "dirichlet", "concentration": 0.5}},
    "whole traces that are selected": {
        "model": "persona",
        "trace_length": 4,
        "vocab_size": 8,
        "batch_size": 8,
        "curation": "bradley_terry",
        "candidates": 3,
        "false_positive_rate": 0.3,
    },
    "truncated": {"vocab_size": 48, "batch_size": 8, "top_k": 20, "min_p": 0.01},
}


@pytest.mark.parametrize("regime", REGIMES)
def test_every_regime_is_reproducible(regime: str) -> None:
    """In a grid on one device, and alone in small pieces on another."""
    process = REGIMES[regime]
    options: dict[str, Any] = {"observables": ["entropy"]}
    whole = run(process, {"temperature": [0.9, 1.2], "fresh_fraction": [0.0]}, devices=DEVICES[:1], **options)
    alone = run({**process, "temperature": 1.2}, devices=DEVICES[1:], chunk_size=2, replicates=8, **options)
    assert_same_numbers(whole.sel(temperature=1.2, fresh_fraction=0.0), alone.isel(replicate=slice(0, 5)))
    last = alone.logits.values[:, -1]
    assert len(np.unique(last, axis=0)) == 8  # not the same because they are all alike


def test_another_seed_replicate_or_value_gives_other_numbers(grid: xr.Dataset) -> None:
    last = np.concatenate(
        [data.logits.values[..., -1, :].reshape(-1, 48) for data in (grid, run(PROCESS, AXES, seed=4))]
    )
    assert len(last) == 2 * 6 * 5
    assert len(np.unique(last, axis=0)) == len(last)


def first_counts(rates: list[float], **options: Any) -> np.ndarray:
    """The counts of the first generation [learning rate, replicate, token], from z1 − z0 = η (c / B − p0)."""
    data = run({**PROCESS, **options.pop("process", {})}, {"learning_rate": rates}, generations=1, **options)
    z0, z1 = (data.logits.values[..., place, :].astype(float) for place in (0, -1))
    p0 = np.exp(z0) / np.exp(z0).sum(axis=-1, keepdims=True)
    counts = 8 * ((z1 - z0) / np.array(rates)[:, None, None] + p0)
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
    return np.round(counts).astype(int)


def test_cells_have_streams_of_their_own() -> None:
    counts = first_counts([0.5, 0.50001, 4.0], replicates=20)
    assert (counts.sum(axis=-1) == 8).all()
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert (counts[first] != counts[second]).any(axis=-1).mean() > 0.9


@pytest.mark.parametrize("left_out", ["learning_rate", "tied"])
def test_axes_can_be_left_out_of_the_random_numbers(left_out: str) -> None:
    """A step from the same counts is proportional to the learning rate; a zip is left out as a whole."""
    if left_out == "learning_rate":
        counts = first_counts([0.5, 0.50001, 4.0], replicates=20, common_random_numbers=[left_out])
        np.testing.assert_array_equal(counts[1:], counts[:1].repeat(2, axis=0))
        assert len(np.unique(counts[0], axis=0)) > 10
    else:
        axes = {"tied": {"zip": {"learning_rate": [0.5, 1.0], "momentum": [0.5, 0.9]}}}
        process = {"vocab_size": 48, "batch_size": 8, "optimizer": "momentum"}
        data = run(process, axes, generations=1, common_random_numbers=["tied"], observables=["entropy"])
        steps = (data.logits.isel(generation=-1) - data.logits.isel(generation=0)).values
        np.testing.assert_allclose(steps[1], 2 * steps[0], atol=1e-5)


def test_temperatures_with_common_random_numbers_draw_alike() -> None:
    """T = 1 and T = 1.0001 from the same uniform numbers agree nearly everywhere; other axes still differ."""
    axes = {"temperature": [1.0, 1.0001], "learning_rate": [0.7, 0.7001]}
    common = run(PROCESS, axes, common_random_numbers=["temperature"], generations=1, replicates=40)
    step = common.logits.isel(generation=-1) - common.logits.isel(generation=0)
    alike = np.isclose(step.values[0], step.values[1], atol=1e-3).all(axis=-1)
    assert alike.mean() > 0.9
    across = np.isclose(step.values[:, 0], step.values[:, 1], atol=1e-3).all(axis=-1)
    assert across.mean() < 0.1


numbers = st.floats(0.05, 3.0, allow_nan=False)


@settings(max_examples=12)
@given(
    temperatures=st.lists(
        st.one_of(st.sampled_from([0.0, 1.0, float("inf")]), numbers), min_size=1, max_size=3, unique=True
    ),
    rates=st.lists(numbers, min_size=1, max_size=3, unique=True),
    exponent=st.floats(0.0, 2.0),
    seed=st.integers(0, 2**63 - 1),
    replicates=st.integers(1, 6),
    data=st.data(),
)
def test_any_cell_of_any_grid_stands_on_its_own(
    temperatures: list[float], rates: list[float], exponent: float, seed: int, replicates: int, data: st.DataObject
) -> None:
    chosen = {
        "temperature": data.draw(st.sampled_from(temperatures)),
        "learning_rate": data.draw(st.sampled_from(rates)),
    }
    process = {"vocab_size": 16, "batch_size": 8, "initial": {"kind": "zipf", "exponent": exponent}}
    options: dict[str, Any] = {"seed": seed, "observables": ["entropy"], "devices": DEVICES[:1]}
    axes = {"temperature": temperatures, "learning_rate": rates}
    whole = run(process, axes, replicates=replicates, **options)
    alone = run({**process, **chosen}, replicates=data.draw(st.integers(1, replicates)), **options)
    part = whole.sel(chosen).isel(replicate=slice(0, alone.sizes["replicate"]))
    assert_same_numbers(alone, part)
