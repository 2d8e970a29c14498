"""The dataset's file is put together slab by slab, in little memory, and holds what the dataset in memory does."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.execute import Result
from jaxcollapse.store import boxes
from jaxcollapse.store.dataset import assemble
from jaxcollapse.store.placement import part_of
from jaxcollapse.store.shard import read_variable
from jaxcollapse.store.study import Study
from tests.support import footprint
from tests.support.studies import shards
from tests.support.synthetic import grid_of, made_up, write

GRIDS: dict[str, dict[str, Any]] = {
    "no axis": {"axes": {}, "replicates": 20},
    "buckets that interleave": {"axes": {"temperature": [0.9, 1.1], "vocab_size": [5, 300, 40], "steps": [1, 2]}},
    "all observables": {"observables": ["all"]},
    "logits": {"record": {"every": 3, "logits": True}},
    "logits of different vocabularies": {
        "record": {"every": 3, "logits": True},
        "axes": {"vocab_size": [5, 300, 40], "temperature": [0.9, 1.1]},
    },
    "double precision": {"precision": "float64", "record": {"every": 2, "logits": True}},
}
SLABS = {"a row": 1, "some rows": 700, "all": 2**28}


def sweep_of(grid: str) -> jc.Sweep:
    common = {"replicates": 5, "generations": 6, "record": {"every": 3}, "process": {"batch_size": 8}}
    usual = {"axes": {"temperature": [0.9, 1.1, 1.2]}, "observables": ["entropy", "support_size", "collapse_time"]}
    return jc.Sweep.from_dict({**common, **usual, **GRIDS[grid]})


def in_memory(sweep: jc.Sweep, results: list[Result]) -> xr.Dataset:
    told = [result.provenance for result in results[:1]]
    parts = [part_of(result, sweep) for result in results]
    return assemble(sweep, jc.plan(sweep).cells.library, parts, told)


def assert_same_bits(one: xr.Dataset, other: xr.Dataset) -> None:
    assert list(one.data_vars) == list(other.data_vars)
    for name in one.data_vars:
        assert one[name].dims == other[name].dims
        assert one[name].dtype == other[name].dtype
        assert one[name].attrs.keys() == other[name].attrs.keys()
        assert one[name].values.tobytes() == other[name].values.tobytes(), name


@pytest.fixture(params=SLABS)
def slab_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    size = SLABS[request.param]
    monkeypatch.setattr(boxes, "SLAB_BYTES", size)
    monkeypatch.setattr(boxes, "PIECE_BYTES", min(size, boxes.PIECE_BYTES) // 5)
    monkeypatch.setattr(boxes, "CHUNK_BYTES", min(size, boxes.CHUNK_BYTES))
    return size


@pytest.mark.parametrize("grid", GRIDS)
def test_the_file_holds_what_the_dataset_in_memory_does(grid: str, slab_bytes: int, tmp_path: Path) -> None:
    sweep = sweep_of(grid)
    results = list(made_up(jc.plan(sweep, chunk_size=11)))
    study = write(tmp_path / "study", sweep, chunk_size=11)
    assert len(shards(study.folder)) == len(results) > 1
    with study.finalize() as data:
        assert_same_bits(in_memory(sweep, results), data.load())


@pytest.mark.parametrize("grid", ["buckets that interleave", "logits of different vocabularies"])
@pytest.mark.parametrize("every", [2, 3, 10**6])
def test_what_no_shard_holds_is_missing(grid: str, every: int, slab_bytes: int, tmp_path: Path) -> None:
    """Every second shard there, every third, none."""
    sweep = sweep_of(grid)
    study = write(tmp_path / "study", sweep, chunk_size=11)
    kept = []
    for place, result in enumerate(made_up(jc.plan(sweep, chunk_size=11))):
        if place % every == 1:
            kept.append(result)
        else:
            (study.folder / "shards" / f"{result.chunk.id}.nc").unlink()
    with study.finalize() as data:
        assert_same_bits(in_memory(sweep, kept), data.load())
        assert int((data.status == 0).sum()) == sweep.trajectories - sum(len(result.chunk) for result in kept)


def test_a_study_whose_axes_were_turned_has_its_numbers_in_other_places(slab_bytes: int, tmp_path: Path) -> None:
    """Trajectories that follow one another in a shard are then far apart in the dataset."""
    top: dict[str, Any] = {"replicates": 2, "generations": 6, "record": {"every": 3}, "process": {"vocab_size": 16}}
    top["observables"] = ["entropy", "collapse_time"]
    axes = {"temperature": [0.8, 0.9, 1.0, 1.1], "learning_rate": [0.5, 1.0, 2.0], "batch_size": [4, 8]}
    study = write(tmp_path / "study", jc.Sweep.from_dict({**top, "axes": axes}), chunk_size=7)
    with study.finalize() as data:
        straight = data.load()
    turned = dict(reversed(axes.items())) | {"temperature": [1.05, *reversed(axes["temperature"])]}
    grown = Study.create(study.folder, jc.Sweep.from_dict({**top, "replicates": 3, "axes": turned}))
    (study.folder / "result.nc").unlink()
    with grown.finalize() as data:
        held = data.sel(temperature=straight.temperature, replicate=straight.replicate).load()
        assert int((data.status == 0).sum()) == data.status.size - straight.status.size
    assert_same_bits(straight, held.transpose(*straight.entropy.dims))


def test_each_slab_reads_the_shards_that_it_needs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard has its cells in the order of the grid: each trajectory is read once for each variable."""
    reads: Counter[tuple[str, str]] = Counter()

    def counting(path: Path, name: str, some: slice) -> np.ndarray:
        reads[path.name, name] += some.stop - some.start
        return read_variable(path, name, some)

    sweep = grid_of(20, 50, observables=["entropy"], generations=6, record={"every": 1})
    study = write(tmp_path / "study", sweep, chunk_size=64)
    monkeypatch.setattr(boxes, "SLAB_BYTES", 4 * 7 * 100)
    monkeypatch.setattr(boxes, "CHUNK_BYTES", 4 * 7 * 100)
    monkeypatch.setattr("jaxcollapse.store.assembly.read_variable", counting)
    study.finalize().close()
    for name in ("entropy", "status"):
        read = [number for (_, which), number in reads.items() if which == name]
        assert len(read) == 16
        assert sum(read) == sweep.trajectories, "slabs of entropy are 10"


GROWING = """
import json, sys
import jaxcollapse as jc
sweep = {"title": "température", "generations": 2, "process": {"vocab_size": 8}, "axes": {"optimizer": ["sgd", "adam"]}}
earlier = [jc.run(jc.Sweep.from_dict({**sweep, "replicates": n}), sys.argv[1], progress=False) for n in range(1, 5)]
earlier += [jc.open_study(sys.argv[1]) for _ in range(8)]
print(json.dumps([[int(data.status.sum()) for data in earlier], *earlier[0].optimizer.values, earlier[0].model.item()]))
"""


def test_datasets_stay_open_while_their_study_grows(tmp_path: Path) -> None:
    """As in a notebook whose cells are run again; in a process of its own, which HDF5 could end."""
    command = [sys.executable, "-c", GROWING, str(tmp_path / "study")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [[2, 4, 6, 8, *[8] * 8], "sgd", "adam", "categorical"]


def test_text_is_stored_whatever_its_letters(tmp_path: Path) -> None:
    """No text at all, too, and beside an axis that is called like the dimensions that xarray makes for characters."""
    (tmp_path / "one.csv").write_text("token,p\nça,1\n,2\n日本,3\nd,4\n", encoding="utf-8")
    (tmp_path / "two.csv").write_text("token,p\nx,1\ny,2\n", encoding="utf-8")
    table = {"initial.path": ["one.csv", "two.csv"], "learning_rate": [0.1, 1.0]}
    top: dict[str, Any] = {"title": "日本", "replicates": 1, "generations": 1, "record": {"logits": True}}
    process = {
        "process": {"initial": {"kind": "file"}},
        "axes": {"string8": {"zip": table}, "optimizer": ["sgd", "adam"]},
    }
    sweep = jc.Sweep.from_dict({**top, **process}, folder=tmp_path)
    here = jc.run(sweep, progress=False)
    with jc.run(sweep, tmp_path / "study", progress=False) as data:
        stored = data.load()
    assert stored.title == "日本"
    assert stored.token_label.values.tolist() == [["ça", "", "日本", "d"], ["x", "y", "", ""]]
    texts = [name for name, array in here.coords.items() if array.dtype.kind == "U"]
    assert {"optimizer", "initial.path", "token_label", "model"} <= set(texts)
    for name in texts:
        xr.testing.assert_identical(here[name].variable, stored[name].variable)
    assert stored.sel(optimizer="adam").optimizer.item() == "adam"


@pytest.mark.skipif(not footprint.STATUS.exists(), reason="the peak of a process's memory is read where Linux tells it")
def test_the_memory_to_finalise_does_not_grow_with_the_study(tmp_path: Path) -> None:
    """Beyond some bytes for each trajectory: here eight times as many numbers, and slabs of 2 MiB."""
    peaks, numbers = [], []
    for cells in (25, 200):
        sweep = grid_of(cells, 1000, generations=39, record={"every": 1}, observables=["entropy", "support_size"])
        study = write(tmp_path / str(cells), sweep, chunk_size=8192)
        peaks.append(footprint.of_finalizing(study.folder, 2**21)["peak"])
        numbers.append(sweep.trajectories * 40 * 2)
        with xr.open_dataset(study.result) as data:
            assert data.entropy.shape == (cells, 1000, 40)
            assert int(data.entropy.notnull().sum()) == cells * 1000 * 40
    assert peaks[1] - peaks[0] < 0.5 * (numbers[1] - numbers[0])


def test_a_dataset_that_cannot_be_written_leaves_the_study_as_it_was(tmp_path: Path) -> None:
    sweep = grid_of(4, 1000, generations=39, record={"every": 1}, observables=["entropy"])
    study = write(tmp_path / "study", sweep)
    before = sorted(path for path in study.folder.rglob("*"))
    limited = (
        "import resource, runpy\nresource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "runpy.run_module('jaxcollapse', run_name='__main__')\n"
    )
    command = [sys.executable, "-c", limited, "finalize", str(study.folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"jaxcollapse: {study.result}: cannot be written")
    assert sorted(path for path in study.folder.rglob("*")) == before
    with study.finalize() as data:
        assert (data.status > 0).all()
