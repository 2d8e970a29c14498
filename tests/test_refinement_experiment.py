"""A refined plane of a small quickstart, next to its flat grid: what docs/refinement.md says of the whole one."""

from functools import cache

import numpy as np

import jaxcollapse as jc
from experiments.refinement import Plane, Refinement, boundaries, flat_cells, introduction
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
