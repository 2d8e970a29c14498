"""Bounds of a boundary contain the true place as often as they say, for curves and processes that theory knows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import optimize, special

from jaxcollapse import theory
from jaxcollapse.analysis.boundary import boundary
from tests.support.statistics import SIGMAS
from tests.support.sweeps import run, values

CONFIDENCE = 0.95
TWO = [0.6, 0.4]


def repeated(data: xr.Dataset, replicates: int) -> xr.Dataset:
    """Many experiments of a few replicates each, along a new axis `experiment`, from one with many replicates."""
    number = data.sizes["replicate"] // replicates
    whole = data.isel(replicate=slice(number * replicates))
    split = whole.coarsen(replicate=replicates).construct(replicate=("experiment", "replicate"))
    return split.drop_vars("replicate").assign_coords(experiment=np.arange(number))


def check_coverage(found: xr.Dataset, truth: float, *, narrow_covers_less_than: float) -> float:
    """Checks that bounds contain the truth as often as they say; and that the grid's own bracket does not."""
    number = found.sizes["experiment"]
    covered = float(((found.lower <= truth) & (truth <= found.upper)).mean())
    error = np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / number)
    assert covered >= CONFIDENCE - SIGMAS * error, (covered, truth)
    # Bounds which are always infinite would cover, too.
    finite = float((np.isfinite(found.lower) & np.isfinite(found.upper)).mean())
    assert finite > 0.9
    axis = found.attrs["grid"]
    place = np.searchsorted(axis, found.estimate.values)
    own = np.searchsorted(axis, truth)
    narrow = float((place == own).mean())
    assert narrow < narrow_covers_less_than, f"the bracket alone covers {narrow}: replicates do not matter here"
    return covered


@pytest.mark.parametrize("replicates", [8, 16, 64])
@pytest.mark.parametrize("truth", [0.02, 0.31, 0.5])
def test_bounds_of_a_share_cover_wherever_the_boundary_is(replicates: int, truth: float) -> None:
    """Replicates that hold with probability Φ((x − x*)/0.1) at 21 values of x."""
    generator, x = np.random.default_rng(0), np.linspace(-0.5, 1.5, 41)
    chance = special.ndtr((x - truth) / 0.1)
    holds = generator.random((3000, x.size, replicates)) < chance[:, None]
    flags = {"flag_values": np.array([0, 1, 2], np.int8), "flag_meanings": "missing complete diverged"}
    dims = ("experiment", "temperature", "replicate")
    data = xr.Dataset(
        {
            "mode_is_original": ((*dims, "generation"), holds[..., None].astype(float)),
            "status": (dims, np.ones(holds.shape, np.int8), flags),
        },
        {"temperature": x, "generation": [0]},
    )
    found = boundary(data, "temperature", "mode_is_original")
    covered = check_coverage(found.assign_attrs(grid=x), truth, narrow_covers_less_than=0.9)
    assert covered > CONFIDENCE, "Clopper and Pearson's intervals are conservative"


def experiments(
    axis: str, grid: np.ndarray, process: dict[str, Any], generations: int, replicates: int, **top: Any
) -> xr.Dataset:
    data = run(
        {"initial": values(TWO), **process},
        {axis: grid.tolist()},
        generations=generations,
        replicates=300 * replicates,
        record={"spacing": "linear", "points": 2},
        **top,
    )
    return repeated(data, replicates)


def root(curve: Callable[[float], float], level: float, low: float, high: float) -> float:
    return float(optimize.brentq(lambda x: curve(x) - level, low, high))


def test_bounds_cover_where_a_refit_keeps_the_original_mode_in_three_of_four_runs() -> None:
    """By the exact chain of two tokens: the temperature, so N (1/T − 1), at which the likelier token leads."""
    samples, generations, level = 21, 40, 0.75

    def leads(temperature: float) -> float:
        law = theory.two_token_law(TWO, samples=samples, generations=generations, temperature=temperature)
        return float(law[samples // 2 + 1 :].sum())

    grid = np.linspace(0.4, 1.4, 21).round(6)
    truth = root(leads, level, grid[0], grid[-1])
    data = experiments(
        "temperature", grid, {"update": "refit", "samples": samples}, generations, 48, observables=["mode_is_original"]
    )
    found = data.collapse.boundary("temperature", "mode_is_original", level=level)
    check_coverage(found.assign_attrs(grid=grid), truth, narrow_covers_less_than=0.5)
    assert (found.direction.where(found.crossings == 1, -1) == -1).all()


def test_bounds_cover_the_learning_rate_from_which_on_sgd_loses_the_original_mode() -> None:
    """By Φ(y0 √(B s/η)): the step η, for one trace a step, with which the likelier token wins four times in five."""
    level, temperature, batch_size = 0.8, 0.8, 4.0

    def wins(rate: float) -> float:
        return float(
            theory.sgd_win_probability(TWO, temperature=temperature, learning_rate=rate, batch_size=batch_size)
        )

    grid = np.geomspace(0.02, 8.0, 14).round(6)
    truth = root(wins, level, grid[0], grid[-1])
    data = experiments(
        "learning_rate",
        grid,
        {"temperature": temperature, "batch_size": batch_size, "optimizer": "sgd"},
        600,
        64,
        observables=["mode_is_original"],
    )
    found = data.collapse.boundary("learning_rate", "mode_is_original", level=level)
    check_coverage(found.assign_attrs(grid=grid), truth, narrow_covers_less_than=0.6)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_bounds_cover_the_share_of_real_data_that_keeps_a_model_diverse(statistic: str) -> None:
    """By the exact second moments under fresh data: the share m at which the mean of Σp² has a given value."""
    samples, generations, level = 10, 30, 0.7 if statistic == "mean" else 0.66

    def concentration(share: float) -> float:
        diversity = theory.mean_heterozygosity(TWO, samples=samples, generations=generations, fresh_fraction=share)
        return 1 - float(diversity)

    grid = np.linspace(0.02, 0.62, 13).round(6)
    data = experiments(
        "fresh_fraction",
        grid,
        {"update": "refit", "samples": samples},
        generations,
        48,
        observables=["collision_probability"],
    )
    if statistic == "mean":
        truth = root(concentration, level, grid[0], grid[-1])
    else:  # the median has values of its own only: those of Σp² of k of ten samples
        law = {m: _median_concentration(m, samples, generations) for m in grid.tolist()}
        truth = _between(grid, np.array([law[m] >= level for m in grid.tolist()]))
    found = data.collapse.boundary("fresh_fraction", "collision_probability", level=level, statistic=statistic)
    check_coverage(found.assign_attrs(grid=grid), truth, narrow_covers_less_than=0.9)


def _median_concentration(share: float, samples: int, generations: int) -> float:
    law = theory.two_token_law(TWO, samples=samples, generations=generations, fresh_fraction=share)
    p = np.arange(samples + 1) / samples
    squares = p**2 + (1 - p) ** 2
    order = np.argsort(squares)
    return float(squares[order][np.searchsorted(np.cumsum(law[order]), 0.5)])


def _between(grid: np.ndarray, above: np.ndarray) -> float:
    (place,) = np.flatnonzero(np.diff(above.astype(int)))
    return float(grid[place : place + 2].mean())
