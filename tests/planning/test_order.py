"""Cells are computed coarse first: however early a run ends, what it has computed is spread over the whole plane."""

from pathlib import Path

import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.planning.order import axis_levels, coarse_first, sequence_levels
from jaxcollapse.store.study import Study
from tests.support.processes import Kill, Processes

SHAPES = [(33, 33), (9, 9, 9), (17, 9), (7, 3, 4), (9, 7, 4, 3), (2, 2), (1, 12)]


def places_of(shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    return np.unravel_index(np.arange(np.prod(shape)), shape)


def largest_hole(computed: np.ndarray, shape: tuple[int, ...]) -> float:
    """The distance from the farthest cell to the nearest computed one, where each axis has length 1."""
    where = np.stack(places_of(shape), axis=1) / np.maximum(np.array(shape) - 1, 1)
    between = np.linalg.norm(where[:, None] - where[computed][None], axis=-1)
    return float(between.min(axis=1).max())


def test_an_axis_is_halved_again_and_again() -> None:
    assert axis_levels(9).tolist() == [0, 3, 2, 3, 1, 3, 2, 3, 0]
    assert axis_levels(4).tolist() == [0, 1, 2, 0]
    assert axis_levels(1).tolist() == [0]
    for length in (1, 2, 3, 5, 12, 100, 100_000):
        levels = axis_levels(length)
        for level in range(levels.max() + 1):
            gaps = np.diff(np.flatnonzero(levels <= level))
            assert gaps.max(initial=0) <= (length - 1) / 2**level + 1


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cells_up_to_a_level_are_a_whole_grid_of_their_own(shape: tuple[int, ...]) -> None:
    """For each level there is a prefix of the order that is every combination of some values of each axis."""
    rank, levels = coarse_first(places_of(shape), shape).reshape(shape), [axis_levels(length) for length in shape]
    for level in range(max(int(each.max()) for each in levels) + 1):
        grid = np.ix_(*(each <= level for each in levels))
        coarse = np.zeros(shape, bool)
        coarse[grid] = True
        assert rank[coarse].max() < rank[~coarse].min(initial=np.iinfo(np.int64).max)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.5, 0.8])
def test_each_prefix_has_smaller_holes_than_one_in_the_order_of_the_axes(shape: tuple[int, ...], share: float) -> None:
    """Whatever cells cost, by which those of one rank are sorted."""
    cells = int(np.prod(shape))
    number = max(2, int(share * cells))
    if number >= cells:
        pytest.skip("all of it")
    in_order = largest_hole(np.arange(number), shape)
    rank = coarse_first(places_of(shape), shape)
    for cost in (np.random.default_rng(0).random(cells), np.arange(cells), -np.arange(cells)):
        hole = largest_hole(np.lexsort((cost, rank))[:number], shape)
        assert hole <= in_order
        if min(shape) > 6 and share < 0.8:
            assert hole < 0.65 * in_order


def test_the_first_cells_of_a_design_are_spread_over_its_box() -> None:
    """Halving the positions of Sobol's sequence would give the points of a corner."""
    design = {"sobol": {"temperature": [0.0, 1.0], "learning_rate": [0.0, 1.0]}, "points": 256}
    sweep = jc.Sweep.from_dict({"replicates": 1, "generations": 1, "axes": {"design": design}})
    first = np.concatenate([chunk.cells for chunk in jc.plan(sweep, chunk_size=1).chunks])[:16]
    points = np.stack([sweep.grid.numbers(name)[first] for name in ("temperature", "learning_rate")])
    boxes = {tuple(box) for box in np.floor(points * 4).astype(int).T.tolist()}
    assert len(boxes) == 16
    assert sequence_levels(9).tolist() == [0, 1, 2, 2, 3, 3, 3, 3, 4]


def test_a_cell_that_several_places_have_is_computed_at_the_first_of_them() -> None:
    axes = {
        "optimizer": ["sgd", "adam"],
        "b1": {"values": [0.5, 0.7, 0.9, 0.99], "where": {"optimizer": "adam"}},
        "temperature": {"linspace": [0.8, 1.2, 5]},
    }
    sweep = jc.Sweep.from_dict({"replicates": 1, "generations": 1, "axes": axes})
    assert sweep.grid.cells < np.prod(sweep.shape)
    cells = np.concatenate([chunk.cells for chunk in jc.plan(sweep, chunk_size=1).chunks])
    ends = sweep.grid.has("temperature", 0.8, 1.2)[cells]
    inner = sweep.grid.has("b1", 0.7, 0.9)[cells] & sweep.grid.has("optimizer", "adam")[cells]
    assert (np.flatnonzero(ends & ~inner).max() < np.flatnonzero(inner | ~ends).min()).all()


def test_chunks_of_all_buckets_are_in_one_order() -> None:
    sweep = jc.Sweep.from_dict(
        {
            "replicates": 3,
            "generations": 2,
            "axes": {
                "vocab_size": [16, 40, 100, 300],
                "optimizer": ["sgd", "momentum", "adam"],
                "temperature": {"linspace": [0.8, 1.2, 9]},
            },
        }
    )
    plan = jc.plan(sweep, chunk_size=3)
    rank = coarse_first(places_of(sweep.shape), sweep.shape)
    first = [int(rank[chunk.cells].min()) for chunk in plan.chunks]
    assert first == sorted(first)
    corners = [chunk for chunk in plan.chunks if rank[chunk.cells[0]] == rank.min()]
    assert {chunk.bucket for chunk in plan.chunks[: len(corners)]} == {chunk.bucket for chunk in corners}
    assert len({chunk.bucket for chunk in corners}) > 2
    each = [sum(len(chunk) for chunk in plan.share(index, 4).chunks) for index in range(4)]
    assert sum(each) == sweep.trajectories


def test_a_killed_run_leaves_a_coarse_picture_of_the_whole_plane(tmp_path: Path) -> None:
    sweep = jc.Sweep.from_dict(
        {
            "replicates": 2,
            "generations": 3,
            "observables": ["entropy"],
            "process": {"vocab_size": 16, "batch_size": 8},
            "axes": {"temperature": {"linspace": [0.8, 1.2, 9]}, "learning_rate": {"geomspace": [0.1, 10.0, 9]}},
        }
    )
    (tmp_path / "plane.toml").write_text(sweep.to_toml())
    study = tmp_path / "study"
    with Processes() as processes:
        kill = Kill(event=80, storing=True, name="/shards/")
        code, told = processes.run(tmp_path / "plane.toml", study, "--chunk-size", "2", kill=kill)
        assert code < 0, told
        computed = np.flatnonzero(Study.open(study).shards().done.all(axis=1))
        assert 4 <= len(computed) < 60, told
        assert largest_hole(computed, sweep.shape) < 0.7 * largest_hole(np.arange(len(computed)), sweep.shape)
        assert processes.run(tmp_path / "plane.toml", study, "--chunk-size", "2")[0] == 0
    assert Study.open(study).summary()["missing"] == 0
