"""The phase diagram of a grid with few cells: points at the values of the axes."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection, PathCollection

from jaxcollapse.analysis.looks import LOOKS
from jaxcollapse.analysis.plot.phase import phase_diagram
from jaxcollapse.analysis.plot.scale import Scale
from tests.report.holes import BATCHES, CELLS, with_holes


def points(data: xr.Dataset, **asked: Any) -> dict[tuple[float, float], tuple[float, ...]]:
    """The colour of each point, by its place."""
    (panel,) = phase_diagram(data, **asked).axes[:1]
    cells = [each for each in panel.collections if isinstance(each, PathCollection)][: len(set(CELLS.values()))]
    return {
        (round(float(y), 12), round(float(x), 12)): tuple(each.get_facecolors()[at % len(each.get_facecolors())])
        for each in cells
        for at, (x, y) in enumerate(each.get_offsets())
    }


def test_cells_are_points_at_their_values_with_the_colours_of_their_verdicts() -> None:
    from matplotlib.colors import to_rgba

    found = points(with_holes())
    assert found == {place: to_rgba(LOOKS[word].colour) for place, word in CELLS.items()}


def test_values_that_are_spaced_so_have_a_logarithmic_axis() -> None:
    panel = phase_diagram(with_holes()).axes[0]
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "linear")
    assert Scale.of_axis(np.array([4, 8, 16, 32, 64])).is_log, "less than the ratio from which on an observable is"
    assert not Scale.of_axis(np.linspace(1, 50, 9)).is_log


def test_a_place_without_a_cell_is_not_in_the_key() -> None:
    (key,) = phase_diagram(with_holes()).legends
    assert {text.get_text() for text in key.get_texts()} == set(CELLS.values())


def test_the_boundary_has_a_mark_on_each_line_and_a_bar_where_both_bounds_are_finite() -> None:
    data = with_holes(16)
    found = data.collapse.boundary("temperature")
    panel = phase_diagram(data, boundary="temperature").axes[0]
    (bars,) = (each for each in panel.collections if isinstance(each, LineCollection))
    crossing = found.batch_size.values[np.isfinite(found.estimate)]
    assert 16 in crossing
    assert [segment.tolist() for segment in bars.get_segments()] == [
        [[float(each.batch_size), float(each.lower)], [float(each.batch_size), float(each.upper)]]
        for each in (found.sel(batch_size=size) for size in found.batch_size.values)
        if np.isfinite(each.lower) and np.isfinite(each.upper)
    ]
    marks = np.ma.filled(panel.collections[-1].get_offsets(), np.nan)
    assert marks[~np.isnan(marks).any(axis=-1), 0].tolist() == crossing.tolist()


def test_points_take_the_colour_of_an_observable() -> None:
    found = points(with_holes(), colour="smoothed_recovery_gap")
    assert found[0.8, 1] == found[0.95, 16] != found[0.8, 16], "the gap is 1 of those, and 0 of this"


@pytest.mark.parametrize("change", ["half", "words"])
def test_a_grid_with_half_of_its_cells_or_an_axis_of_words_has_rows_and_columns(change: str) -> None:
    data = with_holes()
    if change == "half":
        data = data.assign_coords(is_cell=data.is_cell | (data.batch_size > 3))
    else:
        data = data.assign_coords(batch_size=[f"b{size}" for size in BATCHES])
    labels = [label.get_text() for label in phase_diagram(data).axes[0].get_xticklabels()]
    assert labels == ([str(size) for size in BATCHES] if change == "half" else list(data.batch_size.values))
