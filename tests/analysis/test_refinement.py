"""Refinement asks for cells where neighbours disagree, until boxes are narrow, and for few others."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxcollapse as jc
from jaxcollapse.analysis.crossing import crossing, is_logarithmic
from jaxcollapse.analysis.proportion import proportion_interval
from jaxcollapse.analysis.refinement import Refined, extended, lacking, refined_axes
from jaxcollapse.errors import InputError

INF = float("inf")


def sweep_of(axes: dict[str, Any], *grids: dict[str, Any], **process: Any) -> jc.Sweep:
    table = {"replicates": 1, "generations": 2, "process": {"vocab_size": 4, **process}, "axes": axes}
    return jc.Sweep.from_dict({**table, "grid": list(grids)} if grids else table)


def sides(sweep: jc.Sweep, is_above: Callable[[dict[str, Any]], bool]) -> xr.DataArray:
    """What a boundary that is known makes of a sweep's cells."""
    own = np.array([is_above(sweep.grid.cell(cell)) for cell in range(sweep.grid.cells)], float)
    values = sweep.grid.at_places(own, np.nan).reshape(sweep.shape)
    return xr.DataArray(values, dims=sweep.dims)


def refined(
    sweep: jc.Sweep,
    widths: dict[str, Any],
    is_above: Callable[[dict[str, Any]], bool],
    is_sure: Callable[[dict[str, Any]], bool] = lambda cell: True,
) -> tuple[jc.Sweep, int]:
    """The sweep when nothing is left to be asked for, and the number of rounds."""
    axes, rounds = refined_axes(sweep, widths), 0
    while more := lacking(sweep, axes, sides(sweep, is_above), sides(sweep, is_sure) == 1):
        sweep, rounds = extended(sweep, axes, more), rounds + 1
        assert rounds < 30
    return sweep, rounds


def test_an_axis_is_halved_where_its_ends_disagree() -> None:
    sweep, rounds = refined(
        sweep_of({"temperature": [0.5, 1.0, 1.5]}), {"temperature": 0.02}, lambda cell: cell["temperature"] > 0.7321
    )
    values = np.array(sweep.grid.axes[0].fields["temperature"])
    below, above = values[values <= 0.7321].max(), values[values > 0.7321].min()
    assert above - below <= 0.02
    assert rounds == 5, "half of a gap of 0.5, five times, is below 0.02"
    assert sweep.grid.cells == 3 + 5


def test_where_all_agree_nothing_is_asked_for() -> None:
    assert refined(sweep_of({"temperature": [0.5, 1.5]}), {"temperature": 0.01}, lambda cell: True)[1] == 0


def test_several_boundaries_along_an_axis_are_all_found() -> None:
    def is_above(cell: dict[str, Any]) -> bool:
        return 0.62 < cell["temperature"] < 1.23

    sweep, _ = refined(sweep_of({"temperature": [0.5, 1.0, 1.5]}), {"temperature": 0.01}, is_above)
    values = sorted(sweep.grid.axes[0].fields["temperature"])
    crossings = [high - low for low, high in pairwise(values) if (0.62 < low < 1.23) != (0.62 < high < 1.23)]
    assert len(crossings) == 2
    assert max(crossings) <= 0.01


def test_a_range_may_be_logarithmic_and_a_width_a_share_of_it() -> None:
    rates = {"learning_rate": {"geomspace": [0.01, 100, 5]}}
    (axis,) = refined_axes(sweep_of(rates), {"learning_rate": "1%"})
    assert axis.is_log
    assert axis.middle(0.01, 0.1) == pytest.approx(0.1**1.5, rel=1e-11)
    sweep, _ = refined(sweep_of(rates), {"learning_rate": "1%"}, lambda cell: cell["learning_rate"] > 0.3)
    values = np.array(sorted(sweep.grid.axes[0].fields["learning_rate"]))
    (place,) = np.flatnonzero(np.diff(values > 0.3))
    assert np.log10(values[place + 1] / values[place]) <= 0.04 < 2 * np.log10(values[place + 1] / values[place])


def test_whole_numbers_are_halved_until_they_are_neighbours() -> None:
    sweep, _ = refined(
        sweep_of({"batch_size": [1, 100, INF]}), {"batch_size": 1e-3}, lambda cell: cell["batch_size"] > 37
    )
    values = sweep.grid.axes[0].fields["batch_size"]
    assert {37, 38} <= set(values)
    assert all(value == INF or isinstance(value, int) for value in values)


def test_between_the_last_number_and_infinity_nothing_is_asked_for() -> None:
    sweep = sweep_of({"batch_size": [1, 16, INF]})
    assert refined(sweep, {"batch_size": "1%"}, lambda cell: cell["batch_size"] > 16)[1] == 0


PLANE = {"temperature": {"linspace": [0.5, 1.5, 5]}, "learning_rate": {"linspace": [0.2, 1.0, 5]}}


def circle(cell: dict[str, Any]) -> bool:
    return bool(np.hypot((cell["temperature"] - 1) / 0.5, (cell["learning_rate"] - 0.6) / 0.4) < 0.77)


def line(cell: dict[str, Any]) -> bool:
    return bool(cell["learning_rate"] > 0.1 + 0.55 * cell["temperature"])


@pytest.mark.parametrize("is_above", [circle, line])
def test_a_plane_needs_a_tenth_of_the_cells_of_a_flat_grid(is_above: Callable[[dict[str, Any]], bool]) -> None:
    """At 1 % of both ranges, which takes 129 values along each axis where steps are halved."""
    sweep, _ = refined(sweep_of(PLANE), dict.fromkeys(PLANE, "1%"), is_above)
    assert sweep.grid.cells < 129**2 / 10
    cells = [sweep.grid.cell(cell) for cell in range(sweep.grid.cells)]
    known = {(cell["temperature"], cell["learning_rate"]): is_above(cell) for cell in cells}
    axes = {name: np.linspace(*PLANE[name]["linspace"][:2], 129).round(10).tolist() for name in PLANE}
    reach = 3  # places of the flat grid: a crossing has cells of both sides this near
    for column in range(0, 129, 8):
        along = [
            is_above({"temperature": axes["temperature"][column], "learning_rate": y}) for y in axes["learning_rate"]
        ]
        for row in np.flatnonzero(np.diff(along)):
            near = {
                known[point]
                for across in axes["temperature"][max(0, column - reach) : column + reach + 1]
                for up in axes["learning_rate"][max(0, row - reach) : row + reach + 2]
                if (point := (across, up)) in known
            }
            assert near == {True, False}, (column, row)


def test_boxes_without_a_sure_cell_are_halved_once() -> None:
    """Their sides are a matter of chance, here those of a chessboard, which no width resolves."""
    squares = {name: np.linspace(*PLANE[name]["linspace"][:2], 9).round(10).tolist() for name in PLANE}

    def is_above(cell: dict[str, Any]) -> bool:
        return (
            sum(round(128 * (cell[name] - table[0]) / (table[-1] - table[0])) for name, table in squares.items()) % 3
            > 0
        )

    sweep, _ = refined(sweep_of(PLANE), dict.fromkeys(PLANE, "1%"), is_above, lambda cell: False)
    assert sweep.grid.cells > 25
    cells = list(map(sweep.grid.cell, range(sweep.grid.cells)))
    assert all(cell[name] in table for cell in cells for name, table in squares.items())
    everywhere, _ = refined(sweep_of(PLANE), dict.fromkeys(PLANE, "10%"), is_above)
    assert everywhere.grid.cells > 2 * sweep.grid.cells, (
        "where all were sure, even a tenth of the range would take more"
    )


def test_a_sharp_boundary_next_to_chance_is_found_to_the_width() -> None:
    """To the right of 1.2 sides are random and no cell is sure."""
    generator, drawn = np.random.default_rng(1), dict[tuple[float, float], bool]()

    def is_above(cell: dict[str, Any]) -> bool:
        if cell["temperature"] < 1.2:
            return line(cell)
        return drawn.setdefault((cell["temperature"], cell["learning_rate"]), bool(generator.random() < 0.5))

    sweep, _ = refined(sweep_of(PLANE), dict.fromkeys(PLANE, "1%"), is_above, lambda cell: cell["temperature"] < 1.2)
    cells = list(map(sweep.grid.cell, range(sweep.grid.cells)))
    for temperature in (0.5, 0.75, 1.0):
        rates = sorted(cell["learning_rate"] for cell in cells if cell["temperature"] == temperature)
        above = [rate > 0.1 + 0.55 * temperature for rate in rates]
        (place,) = np.flatnonzero(np.diff(above))
        assert rates[place + 1] - rates[place] <= 0.008 + 1e-12
    assert sweep.grid.cells < 129**2 / 20


@pytest.mark.parametrize("steepness", [10, 30])
def test_bounds_of_a_refined_line_contain_the_crossing_as_often_as_they_say(steepness: int) -> None:
    """Which cells there are depends on the data here; the bounds are wrong no more often for that."""
    replicates, studies, truth = 32, 120, 0.87
    generator = np.random.default_rng(steepness)
    wrong = 0
    for _ in range(studies):
        known: dict[float, np.ndarray] = {}

        def interval(cell: dict[str, Any], known: dict[float, np.ndarray] = known) -> np.ndarray:
            at = cell["temperature"]
            if at not in known:
                chance = 1 / (1 + np.exp(-steepness * (at - truth)))
                known[at] = proportion_interval(generator.binomial(replicates, chance), replicates, 0.95)
            return known[at]

        refined(
            sweep_of({"temperature": {"linspace": [0.5, 1.5, 5]}}),
            {"temperature": "1%"},
            lambda cell: bool(interval(cell)[0] > 0.5),
            lambda cell: not interval(cell)[1] <= 0.5 <= interval(cell)[2],
        )
        places = np.array(sorted(known))
        found = crossing(places, np.stack([known[place] for place in places]), 0.5)
        wrong += not found.lower <= truth <= found.upper
    assert wrong <= 0.05 * studies


def test_each_combination_of_other_axes_is_refined_by_itself_in_a_table_of_its_own() -> None:
    axes = {
        "optimizer": ["sgd", "adam"],
        "temperature": [0.5, 1.5],
        "tied": {"zip": {"batch_size": [1, 2], "steps": [3, 4]}},
    }
    at = {("sgd", 1): 0.61, ("sgd", 2): 1.2, ("adam", 1): 0.9}

    def is_above(cell: dict[str, Any]) -> bool:
        return bool(cell["temperature"] > at.get((cell["optimizer"], cell["batch_size"]), 9))

    sweep, _ = refined(sweep_of(axes), {"temperature": 0.1}, is_above)
    assert len(sweep.to_dict()["grid"]) == 3, "one table for each combination, however many rounds"
    for (optimizer, batch), place in at.items():
        values = sorted(
            cell["temperature"]
            for cell in map(sweep.grid.cell, range(sweep.grid.cells))
            if (cell["optimizer"], cell["batch_size"]) == (optimizer, batch)
        )
        gaps = [high - low for low, high in pairwise(values) if low <= place < high]
        assert max(gaps) <= 0.1
    untouched = [
        cell
        for cell in map(sweep.grid.cell, range(sweep.grid.cells))
        if (cell["optimizer"], cell["batch_size"]) == ("adam", 2)
    ]
    assert len(untouched) == 2


def test_cells_that_do_not_read_another_axis_are_refined_once() -> None:
    axes = {
        "optimizer": ["sgd", "adam"],
        "b1": {"values": [0.8, 0.99], "where": {"optimizer": "adam"}},
        "temperature": [0.5, 1.5],
    }
    sweep, rounds = refined(sweep_of(axes), {"temperature": 0.3}, lambda cell: cell["temperature"] > 0.8)
    assert sweep.grid.cells == 3 * (2 + rounds)


def test_the_extended_sweep_reads_as_itself_and_keeps_its_cells() -> None:
    before = sweep_of(PLANE, initial={"kind": "zipf", "exponent": 2.0})
    after, _ = refined(before, dict.fromkeys(PLANE, "10%"), circle)
    again = jc.Sweep.from_dict(after.to_dict())
    assert again.grid.identities(0).tolist() == after.grid.identities(0).tolist()
    assert np.isin(before.grid.identities(0), after.grid.identities(0)).all()


@pytest.mark.parametrize(
    ("axes", "widths", "told"),
    [
        ({"temperature": [1.0, 2.0]}, {"temprature": 0.1}, "(did you mean 'temperature'?)"),
        ({"temperature": [1.0]}, {"temperature": 0.1}, "has no two finite numbers"),
        ({"optimizer": ["sgd", "adam"]}, {"optimizer": 0.1}, "has no two finite numbers"),
        ({"replacement": [True, False]}, {"replacement": 0.1}, "has no two finite numbers"),
        ({"tied": {"zip": {"steps": [1, 2]}}}, {"tied": 0.1}, "has no two finite numbers"),
        ({"temperature": [1.0, 2.0]}, {"temperature": "wide"}, "to: 'wide': must be a positive number"),
        ({"temperature": [1.0, 2.0]}, {"temperature": 0}, "to: 0: must be a positive number"),
        ({"temperature": [1.0, 2.0]}, {"temperature": "-1%"}, "must be a positive number"),
        ({"temperature": [1.0, 2.0]}, {"temperature": INF}, "must be a positive number"),
    ],
    ids=str,
)
def test_what_cannot_be_refined_is_refused(axes: dict[str, Any], widths: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        refined_axes(sweep_of(axes), widths)
    assert told in str(caught.value)


def test_an_axis_is_logarithmic_where_a_boundary_and_a_picture_take_it_to_be() -> None:
    """Below a decade the middles by ratio and by difference are nearly the same."""

    def is_log(values: list[float]) -> bool:
        (axis,) = sweep_of({"learning_rate": values}).tables[0]
        return Refined.of(axis, 1).is_log

    for values, wanted in (
        ([1, 2, 4, 8, 16], True),
        ([0.01, 1.0], True),
        ([1, 2, 4, 8], False),
        ([1.0, 2.0, 3.0], False),
        ([0.0, 1.0, 10.0], False),
        ([1.0, 5.0], False),
    ):
        assert is_log(values) == is_logarithmic(np.array(values, float)) == wanted
