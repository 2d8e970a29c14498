"""Studies of unions, conditions, derived fields and designs: extended, killed, shared, computed by other processes."""

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.errors import InputError
from jaxcollapse.store.study import Study
from tests.store.killing import kill_again_and_again
from tests.support.studies import assert_same_numbers, shards, stamps

TOP: dict[str, Any] = {
    "seed": 5,
    "replicates": 3,
    "generations": 6,
    "record": {"every": 3},
    "observables": ["entropy", "support_size", "collapse_time"],
}
WHOLE: dict[str, Any] = {
    **TOP,
    "process": {"vocab_size": 16, "learning_rate": {"times": "batch_size", "by": 0.05}},
    "axes": {
        "optimizer": ["sgd", "adam"],
        "b1": {"values": [0.9, 0.99], "where": {"optimizer": "adam"}},
        "design": {"sobol": {"temperature": [0.8, 1.2], "batch_size": [1, 16]}, "points": 3},
    },
    "grid": [{"steps": [2], "optimizer": ["sgd"], "design": {"zip": {"temperature": [0.5], "batch_size": [4]}}}],
}


def run(folder: Path, table: dict[str, Any], **how: Any) -> xr.Dataset:
    with jc.run(table, folder, progress=False, chunk_size=4, **how) as data:
        return data.load()


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    """The sweep in memory."""
    return jc.run(WHOLE, progress=False)


def test_a_study_has_the_numbers_of_a_run_in_memory(tmp_path: Path, whole: xr.Dataset) -> None:
    stored = run(tmp_path / "study", WHOLE)
    assert_same_numbers(stored, whole)
    for name in ("is_cell", "is_repeated", "learning_rate", "temperature"):
        np.testing.assert_array_equal(stored[name], whole[name])
    told = Study.open(tmp_path / "study").summary()
    cells = 3 + 6 + 1
    assert (told["trajectories"], told["complete"], told["missing"]) == (3 * cells, 3 * cells, 0)
    assert int(stored.is_cell.sum() - stored.is_repeated.sum()) == cells


def test_shares_make_the_whole(tmp_path: Path, whole: xr.Dataset) -> None:
    for share in ("1/2", "0/2"):
        shared = run(tmp_path / "study", WHOLE, share=share)
    assert_same_numbers(shared, whole)


def test_a_pool_of_processes_computes_the_same(tmp_path: Path, whole: xr.Dataset) -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert_same_numbers(run(tmp_path / "study", WHOLE, executor=pool), whole)


STEPS: list[tuple[str, dict[str, Any]]] = [
    ("a grid", {"axes": {"temperature": [0.9, 1.1], "batch_size": [1, 4]}}),
    (
        "single points",
        {
            "axes": {"temperature": [0.9, 1.1], "batch_size": [1, 4]},
            "grid": [{"points": {"temperature": [1.0, 0.95], "batch_size": [1, 4]}}],
        },
    ),
    (
        "another table",
        {
            "axes": {"temperature": [0.9, 1.1], "batch_size": [1, 4]},
            "grid": [
                {"points": {"temperature": [1.0, 0.95], "batch_size": [1, 4]}},
                {"optimizer": ["adam"], "b1": [0.9, 0.99], "temperature": [1.0], "batch_size": [2]},
            ],
        },
    ),
]


def test_a_study_grows_by_points_and_tables_and_computes_only_what_is_new(tmp_path: Path) -> None:
    before: dict[str, Any] = {}
    for name, table in STEPS:
        data = run(tmp_path / "study", {**TOP, "process": {"vocab_size": 16}, **table})
        after = stamps(shards(tmp_path / "study"))
        assert before.items() <= after.items(), name
        assert_same_numbers(data, jc.run({**TOP, "process": {"vocab_size": 16}, **table}, progress=False))
        before = after
    held = sum(len(where) for where in Study.open(tmp_path / "study").shards().good.values())
    assert held == 3 * (4 + 2 + 2)


def test_a_design_grows_and_computes_only_what_is_new(tmp_path: Path) -> None:
    held = []
    for points in (4, 7):
        axes = {"design": {"sobol": {"temperature": [0.8, 1.2]}, "points": points}}
        data = run(tmp_path / "study", {**TOP, "process": {"vocab_size": 16}, "axes": axes})
        held.append(stamps(shards(tmp_path / "study")))
    assert held[0].items() <= held[1].items()
    assert data.sizes["design"] == 7
    assert sum(len(where) for where in Study.open(tmp_path / "study").shards().good.values()) == 3 * 7


def test_a_field_that_follows_from_an_axis_grows_with_it(tmp_path: Path) -> None:
    """Values that the study has stay what they are; only those of the new batch size are computed."""
    process, held = {"vocab_size": 16, "learning_rate": {"times": "batch_size", "by": 0.05}}, []
    for sizes in ([1, 4], [1, 4, 16]):
        table = {**TOP, "process": process, "axes": {"batch_size": sizes}}
        data = run(tmp_path / "study", table)
        held.append(stamps(shards(tmp_path / "study")))
    assert held[0].items() <= held[1].items()
    np.testing.assert_allclose(data.learning_rate, [0.05, 0.2, 0.8])
    assert_same_numbers(data, jc.run(table, progress=False))
    assert sum(len(where) for where in Study.open(tmp_path / "study").shards().good.values()) == 3 * 3


def test_a_design_that_moves_its_points_cannot_extend_a_study(tmp_path: Path) -> None:
    for points in (4, 5):
        table = {**TOP, "axes": {"design": {"latin_hypercube": {"temperature": [0.8, 1.2]}, "points": points}}}
        if points == 4:
            run(tmp_path / "study", table)
            continue
        with pytest.raises(InputError, match="the study has 4 cells that the sweep lacks"):
            run(tmp_path / "study", table)


def test_an_axis_that_cells_do_not_read_extends_a_study_of_a_constant(tmp_path: Path) -> None:
    """SGD's trajectories stay, although the sweep before had given them a number that they do not read."""
    axes: dict[str, Any] = {"optimizer": ["sgd", "adam"]}
    first = run(tmp_path / "study", {**TOP, "process": {"vocab_size": 16, "b1": 0.95}, "axes": axes})
    before = stamps(shards(tmp_path / "study"))
    axes["b1"] = [0.95, 0.99]
    grown = run(tmp_path / "study", {**TOP, "process": {"vocab_size": 16}, "axes": axes})
    after = stamps(shards(tmp_path / "study"))
    assert before.items() <= after.items()
    np.testing.assert_array_equal(grown.entropy.sel(b1=0.95), first.entropy)
    np.testing.assert_array_equal(grown.entropy.sel(optimizer="sgd", b1=0.99), first.entropy.sel(optimizer="sgd"))
    assert sum(len(where) for where in Study.open(tmp_path / "study").shards().good.values()) == 3 * 3


def test_a_lost_shard_is_missing_at_all_places_of_its_cells_and_computed_again(
    tmp_path: Path, whole: xr.Dataset
) -> None:
    run(tmp_path / "study", WHOLE)
    lost = shards(tmp_path / "study")[0]
    lost.unlink()
    (tmp_path / "study" / "result.nc").unlink()
    part = jc.open_study(tmp_path / "study").load()
    missing = (part.status == 0) & part.is_cell
    assert missing.any()
    repeats = part.status.sel(optimizer="sgd")
    assert (repeats.isel(b1=0).values == repeats.isel(b1=1).values).all()
    assert_same_numbers(run(tmp_path / "study", WHOLE), whole)


def test_a_study_can_be_moved_with_the_files_of_all_its_tables(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("word,p\na,0.5\nb,0.3\nc,0.2\n")
    one = {"kind": "file", "path": "p.csv", "variable": "p"}
    table = {**TOP, "axes": {"initial": [{"kind": "uniform"}]}, "grid": [{"initial": [one], "temperature": [0.9]}]}
    sweep = jc.Sweep.from_dict({**table, "process": {}}, folder=tmp_path)
    data = jc.run(sweep, tmp_path / "study", progress=False).load()
    shutil.move(tmp_path / "study", tmp_path / "moved")
    (tmp_path / "p.csv").unlink()
    assert_same_numbers(jc.open_study(tmp_path / "moved").load(), data)


def test_nothing_is_lost_wrong_or_computed_twice_when_runs_are_killed(tmp_path: Path) -> None:
    table = {
        **TOP,
        "process": {"vocab_size": 16, "batch_size": 8, "learning_rate": {"over": "steps", "by": 0.5}},
        "axes": {
            "steps": list(range(1, 9)),
            "optimizer": ["sgd", "adam"],
            "b1": {"values": [0.9, 0.99], "where": {"optimizer": "adam"}},
        },
        "grid": [{"points": {"steps": [3, 9], "optimizer": ["sgd", "sgd"], "temperature": [0.9, 0.9]}}],
    }
    tally = kill_again_and_again(points=5, seed=2, folder=tmp_path, table=table)
    assert tally.is_clean, tally
    assert tally.killed == 5
