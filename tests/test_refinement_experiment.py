"""A refined plane of a small quickstart, next to its flat grid: what docs/refinement.md says of the whole one."""

from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

import jaxcollapse as jc
from experiments.refinement import Plane, Refinement, boundaries, flat_cells, halved, introduction
from jaxcollapse.analysis.refinement import refined_axes
from jaxcollapse.refining import Sought
from tests.conftest import ROOT
from tests.support.statistics import SIGMAS

SMALL = Plane((0.9, 1.0, 1.1), (16, 64, 256), width="2%", replicates=16, generations=100, tokens=64)


@cache
def refined() -> Refinement:
    flat = jc.run(SMALL.flat, progress=False).load()
    return Refinement.of(SMALL, boundaries(flat)[0], flat)


def test_a_boundary_takes_less_than_a_tenth_of_the_cells() -> None:
    assert flat_cells(refined().flat) == np.prod(SMALL.flat.shape)
    assert refined().share < 0.1


def test_cells_of_the_refined_study_and_of_the_flat_grid_are_the_same_bits() -> None:
    assert refined().different() == []
    mine, theirs = refined().shared
    assert mine.sizes == theirs.sizes
    assert (theirs.status == theirs.status.attrs["flag_values"][1]).all()


def test_the_boundary_is_that_of_the_flat_grid_to_the_width() -> None:
    """Apart from chance: where the level is within the noise of a cell, both know the boundary to that noise."""
    entropy = refined().flat.entropy.isel(generation=-1).sel(batch_size=list(SMALL.batch_sizes))
    slope = entropy.mean("replicate").differentiate("temperature").max("temperature")
    noise = entropy.std("replicate", ddof=1) / np.sqrt(SMALL.replicates) / slope / SMALL.temperature_width
    apart = refined().distances()
    assert list(apart) == list(SMALL.batch_sizes)
    for size, distance in apart.items():
        at = noise.sel(batch_size=size, temperature=1.0)
        assert at < 0.5, "an error of a few widths would be seen"
        assert abs(distance) <= 1 + SIGMAS * at


def test_the_flat_grid_is_on_the_side_of_the_nearest_refined_cell() -> None:
    """But for cells next to the boundary, of whose two sides one is right: a row of cells along it."""
    flat, nearest = refined().sides()
    wrong, crossed = np.count_nonzero(flat != nearest), np.count_nonzero(np.diff(flat, axis=0))
    assert wrong <= crossed
    assert 0.1 < flat.mean() < 0.9


def test_the_page_has_the_plane_that_is_computed() -> None:
    page = (ROOT / "docs/refinement.md").read_text(encoding="utf-8")
    start = jc.run(Plane(replicates=1, generations=1).coarse, progress=False)
    for line in introduction(Plane(), boundaries(start)[0].level or 0.0):
        assert line in page, "run `python -m experiments.refinement`"
    assert (ROOT / "docs/pictures/refinement.png").stat().st_size > 10_000


def test_where_chance_decides_few_cells_are_spent_and_the_rest_is_known(tmp_path: Path) -> None:
    """Another process: a refit of two tokens keeps its mode by chance above T = 1, and surely far below it."""
    process = {"update": "refit", "initial": {"kind": "values", "probabilities": [0.6, 0.4]}}
    table = {"seed": 3, "replicates": 32, "generations": 40, "observables": ["mode_is_original"], "process": process}
    grid = {"temperature": [0.8, 0.9, 1.0, 1.1, 1.2], "samples": [8, 32, 128, 512]}
    widths: dict[str, str | float] = {"temperature": "2%", "samples": "3%"}
    axes = refined_axes(jc.Sweep.from_dict({**table, "axes": grid}), widths)
    values = {axis.name: [int(x) if axis.name == "samples" else x for x in halved(axis)] for axis in axes}
    flat, sought = jc.run({**table, "axes": values}, progress=False).load(), Sought("mode_is_original")
    above, sure = sought.sides(flat)
    assert 0.3 < float(sure.mean()) < 0.5, "most cells are a matter of chance"
    jc.run({**table, "axes": grid}, tmp_path, progress=False).close()
    with jc.refine(tmp_path, widths, sought.of, progress=False) as refined:
        own = sought.above(refined)
        assert int(own.notnull().sum()) < 0.03 * above.size
        rows, columns = np.nonzero(own.transpose("temperature", "samples").notnull().values)
        known = own.transpose("temperature", "samples").values[rows, columns]
        at = [refined[name].values[index] for name, index in (("temperature", rows), ("samples", columns))]
    scaled = [np.stack([x * 10, np.log2(y)], axis=-1) for x, y in (at, np.meshgrid(*values.values(), indexing="ij"))]
    _, nearest = KDTree(scaled[0]).query(scaled[1])
    is_right = known[nearest] == above.transpose("temperature", "samples").values
    assert is_right[sure.transpose("temperature", "samples").values].mean() > 0.97
    assert is_right.mean() < 0.99, "nobody knows the others"
