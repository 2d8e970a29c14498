"""Runs of networks: their bits follow from the cell, the seed and the replicate, however the work is cut."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from tests.support.sequences import small, text
from tests.support.studies import assert_same_numbers, shards, stamps

DEVICES = jax.local_devices()
AXES = {"temperature": [0.8, 1.0], "learning_rate": [0.1, 0.5]}
PROCESSES: dict[str, dict[str, Any]] = {
    "transformer": {"samples": 5, "batch_size": 3, "steps": 3, "prompt_length": 1, "fresh_fraction": 0.2},
    "GRU": {"parameters": "gru", "optimizer": "adam", "batch_size": 3, "reset_every": 4, "end_token": "b"},
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text(tmp_path_factory.mktemp("text") / "text.txt")


def _sweep(path: Path, name: str = "transformer", axes: dict[str, Any] | None = None, **top: Any) -> jc.Sweep:
    axes = AXES if axes is None else axes
    process = small(Path(path.name), **{**PROCESSES[name], **top.pop("process", {})})
    given: dict[str, Any] = {
        "generations": 6,
        "replicates": 3,
        "seed": 3,
        "observables": ["kl_from_initial", "distinct_2"],
        "record": {"every": 3, "logits": True, "state": True},
        "process": {field: value for field, value in process.items() if field not in axes},
        "axes": axes,
    }
    return jc.Sweep.from_dict({**given, **top}, folder=path.parent)


def _run(sweep: jc.Sweep, folder: Path | None = None, **options: Any) -> xr.Dataset:
    with jc.run(sweep, folder, **{"progress": False, "devices": DEVICES[:1], **options}) as data:
        return data.load()


@pytest.fixture(scope="module")
def grid(path: Path) -> xr.Dataset:
    return _run(_sweep(path))


def test_trajectories_differ_and_move(grid: xr.Dataset) -> None:
    """And start from one network."""
    logits = grid.logits.values.reshape(-1, *grid.logits.shape[-3:])
    np.testing.assert_array_equal(logits[:, 0], np.broadcast_to(logits[:1, 0], logits[:, 0].shape))
    assert len({row.tobytes() for row in logits[:, -1]}) == len(logits)
    assert (grid.status == 1).all()


def test_the_chunk_size_changes_no_bit(grid: xr.Dataset, path: Path) -> None:
    assert_same_numbers(grid, _run(_sweep(path), chunk_size=5))


def test_two_devices_change_no_bit(grid: xr.Dataset, path: Path) -> None:
    assert_same_numbers(grid, _run(_sweep(path), devices=DEVICES[1::-1], chunk_size=4))


def test_processes_compute_the_same_bits(grid: xr.Dataset, path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = jc.run(_sweep(path), executor=pool, chunk_size=6, progress=False)
    assert_same_numbers(grid, found)


def test_a_cell_alone_is_the_cell_in_the_grid(grid: xr.Dataset, path: Path) -> None:
    """More replicates and other cells change no bit; another seed changes all."""
    cell = {"temperature": 0.8, "learning_rate": 0.5}
    alone = _run(_sweep(path, axes={}, process=cell, replicates=5))
    assert_same_numbers(grid.sel(cell), alone.sel(replicate=slice(0, 2)))
    other = _run(_sweep(path, axes={}, process=cell, seed=4))
    assert (other.logits.values[:, -1] != grid.sel(cell).logits.values[:, -1]).any(axis=(1, 2)).all()


def test_what_has_no_effect_on_a_draw_leaves_the_random_numbers_alone(path: Path) -> None:
    """Cells that share them draw the same traces in the first generation, whatever the learning rate."""
    top = {"generations": 1, "record": {"every": 1, "logits": True, "state": False}, "precision": "float64"}
    axes = {"learning_rate": [1e-6, 2e-6]}
    made = _run(_sweep(path, axes=axes, common_random_numbers=["learning_rate"], **top))
    small, large = (np.diff(made.logits.sel(learning_rate=rate).values, axis=1) for rate in (1e-6, 2e-6))
    np.testing.assert_allclose(large, 2 * small, rtol=1e-2, atol=1e-9)
    apart = _run(_sweep(path, axes=axes, **top))
    small, large = (np.diff(apart.logits.sel(learning_rate=rate).values, axis=1) for rate in (1e-6, 2e-6))
    assert np.abs(large - 2 * small).max() > 0.5 * np.abs(large).max()


def test_a_study_that_lost_shards_is_as_it_was(grid: xr.Dataset, path: Path, tmp_path: Path) -> None:
    _run(_sweep(path), tmp_path, chunk_size=4)
    for shard in shards(tmp_path)[::2]:
        shard.unlink()
    assert_same_numbers(grid, _run(_sweep(path), tmp_path, chunk_size=4))


def test_trajectories_go_on_bit_for_bit(path: Path, tmp_path: Path) -> None:
    """A study gets more generations: from the weights and moments that it stored, over a reset."""
    _run(_sweep(path, "GRU"), tmp_path, chunk_size=6)
    before = stamps(shards(tmp_path))
    longer = _sweep(path, "GRU", generations=9)
    assert_same_numbers(_run(longer), _run(longer, tmp_path, chunk_size=6))
    assert stamps(shards(tmp_path)).items() >= before.items(), "what was stored is as it was"


def test_networks_of_several_sizes_lie_on_axes(grid: xr.Dataset, path: Path) -> None:
    """Each with the numbers that it has alone."""
    data = _run(_sweep(path, axes={"width": [4, 6], **AXES}))
    np.testing.assert_array_equal(data.sel(width=4).logits, grid.logits)
    assert (data.sel(width=6).logits.values != grid.logits.values).any()
