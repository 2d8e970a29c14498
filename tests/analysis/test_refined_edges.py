"""A boundary that leaves a box of the first grid through a side whose ends agree is followed into the next box."""

from typing import Any

import numpy as np

from tests.analysis.test_refinement import PLANE, refined, sweep_of


def wave(rate: float) -> float:
    """The temperature of a boundary that is above 1 at all learning rates of the first grid, and below between."""
    return 1.0 + 0.04 * float(np.cos(20 * np.pi * (rate - 0.2)))


def is_above(cell: dict[str, Any]) -> bool:
    return bool(cell["temperature"] > wave(cell["learning_rate"]))


def test_every_refined_line_through_the_boundary_has_a_cell_on_each_side_within_a_width() -> None:
    sweep, _ = refined(sweep_of(PLANE), dict.fromkeys(PLANE, "1%"), is_above)
    cells = [sweep.grid.cell(cell) for cell in range(sweep.grid.cells)]
    rates = {cell["learning_rate"] for cell in cells}
    below_one = [rate for rate in rates if wave(rate) < 0.98]
    assert len(below_one) > 10, "lines on which the boundary is in a box whose corners agree"
    for rate in rates:
        along = np.array(sorted(cell["temperature"] for cell in cells if cell["learning_rate"] == rate))
        above, below = along[along > wave(rate)], along[along <= wave(rate)]
        assert above.min() - below.max() <= 0.01
    assert sweep.grid.cells < 129**2 / 10
